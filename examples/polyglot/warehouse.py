#!/usr/bin/env python3
"""A warehouse that takes part in a shop: it hears what has to be packed, and says what has left.

Everything it knows is in docs/events.md (what comes, and how) and at /api-docs (what it asks).
    SOUK_BUS_URL=amqp://… SOUK_URL=http://127.0.0.1:8080 SOUK_STAFF_KEY=souk_sk_… ./warehouse.py
"""
import json
import os
import sys
import urllib.error
import urllib.request

import pika  # Debian: python3-pika

SHOP, KEY = os.environ["SOUK_URL"], os.environ["SOUK_STAFF_KEY"]
PREFIX = os.environ.get("SOUK_BUS_PREFIX", "souk")
QUEUE = f"{PREFIX}.warehouse"


def ask(method, path, body=None):
    """Asks the shop as its staff do."""
    request = urllib.request.Request(SHOP + path, method=method, data=json.dumps(body).encode() if body else None)
    request.add_header("Authorization", f"Bearer {KEY}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=45) as answer:
        return json.load(answer)


def pack(event):
    """Sends a shipment. A delivery may come twice: dispatching again changes nothing and answers the same."""
    shipment = event["data"]["shipment"]
    parcel = {"carrier": "post", "tracking_number": f"WH{event['id'][:8].upper()}"}
    try:
        ask("POST", f"/v1/admin/shipments/{shipment}/dispatch", {"parcels": [parcel]})
        print(f"sent {shipment}", flush=True)
    except urllib.error.HTTPError as refused:
        problem = json.load(refused)
        if refused.code >= 500:
            raise
        print(f"not sent {shipment}: {problem['code']}", flush=True)  # cancelled meanwhile, or sent by hand


def on_message(channel, method, _properties, body):
    try:
        event = json.loads(body)  # CloudEvents 1.0; fields that are new to us are passed over
        pack(event)
        channel.basic_ack(method.delivery_tag)
    except OSError as error:  # the shop does not answer: the broker gives the event to us again
        print(f"later: {error}", file=sys.stderr, flush=True)
        channel.connection.call_later(1, lambda: channel.basic_nack(method.delivery_tag))


def main():
    channel = pika.BlockingConnection(pika.URLParameters(os.environ["SOUK_BUS_URL"])).channel()
    # A durable queue of our own: what is said while we are away waits for us.
    channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(QUEUE, f"{PREFIX}.events", routing_key="shipment.created")
    channel.basic_qos(prefetch_count=16)
    channel.basic_consume(QUEUE, on_message)
    print("the warehouse is open", flush=True)
    channel.start_consuming()


if __name__ == "__main__":
    main()
