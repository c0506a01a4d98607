"""Drives fakepsp by the official stripe package: what that takes for Stripe, our gateway is tested against.

Usage: calibrate.py BASE_URL. Prints one line for each check that fails; exit status 1 where one does.
"""

import concurrent.futures
import http.server
import json
import sys
import threading
import time
import urllib.request

import stripe

BASE = sys.argv[1]
SECRET = "whsec_of_the_calibration"
stripe.api_key, stripe.api_base, stripe.max_network_retries = "sk_test_calibration", BASE, 0
done, failed, told = 0, [], []


def check(name, is_so, what=""):
    global done
    done += 1
    if not is_so:
        failed.append(f"{name}: {what}")


def equal(name, found, wanted):
    check(name, found == wanted, f"{found!r}, not {wanted!r}")


def refused(name, kind, ask, **fields):
    """It is refused with this class of the package, and these fields."""
    try:
        answer = ask()
    except stripe.StripeError as error:
        check(name, type(error) is kind, f"{type(error).__name__}: {error}")
        for field, wanted in fields.items():
            equal(f"{name}, {field}", getattr(error, field), wanted)
        return error
    check(name, False, f"it was taken: {answer}")
    return None


def control(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(BASE + path, method=method, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def fault(operation, kind, **more):
    control("POST", "/_control/faults", {"operation": operation, "kind": kind, "times": 1, **more})


def create(amount=2000, method="pm_card_visa", **more):
    return stripe.PaymentIntent.create(
        **{"amount": amount, "currency": "eur", "payment_method": method, "capture_method": "manual", "confirm": True,
           "payment_method_types": ["card"], **more})


def replayed(thing):
    return thing.last_response.headers.get("Idempotent-Replayed") == "true"


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        told.append((self.rfile.read(int(self.headers["Content-Length"])), self.headers["Stripe-Signature"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def life_of_an_intent():
    intent = create(metadata={"order": "S-1"})
    equal("held", (intent.status, intent.amount_capturable, intent.amount_received), ("requires_capture", 2000, 0))
    equal("metadata", intent.metadata.to_dict(), {"order": "S-1"})
    check("a charge", intent.latest_charge.startswith("ch_"), intent.latest_charge)
    equal("read again", stripe.PaymentIntent.retrieve(intent.id).id, intent.id)
    equal("listed", stripe.PaymentIntent.list(limit=1).data[0].id, intent.id)
    equal("found", [one.id for one in stripe.PaymentIntent.search(query="metadata['order']:'S-1'").data], [intent.id])
    refused("too much", stripe.InvalidRequestError,
            lambda: stripe.PaymentIntent.capture(intent.id, amount_to_capture=2001), http_status=400, code="amount_too_large")
    part = stripe.PaymentIntent.capture(intent.id, amount_to_capture=1200, metadata={"more": "1"})
    equal("a part", (part.status, part.amount_received, part.amount_capturable), ("succeeded", 1200, 0))
    equal("metadata is added to", part.metadata.to_dict(), {"order": "S-1", "more": "1"})
    refused("captured once", stripe.InvalidRequestError, lambda: stripe.PaymentIntent.capture(intent.id),
            http_status=400, code="payment_intent_unexpected_state")
    refused("not cancelled after", stripe.InvalidRequestError, lambda: stripe.PaymentIntent.cancel(intent.id),
            code="payment_intent_unexpected_state")
    refused("no multicapture", stripe.InvalidRequestError,
            lambda: stripe.PaymentIntent.capture(create().id, amount_to_capture=1, final_capture=False), http_status=400)
    refund = stripe.Refund.create(payment_intent=intent.id, amount=700, reason="requested_by_customer", metadata={"a": "b"})
    equal("a refund", (refund.status, refund.amount, refund.metadata.to_dict()), ("succeeded", 700, {"a": "b"}))
    refused("over-refund", stripe.InvalidRequestError, lambda: stripe.Refund.create(payment_intent=intent.id, amount=501),
            http_status=400)
    equal("the rest", stripe.Refund.create(payment_intent=intent.id).amount, 500)
    refused("refunded", stripe.InvalidRequestError, lambda: stripe.Refund.create(payment_intent=intent.id),
            code="charge_already_refunded")
    equal("refunds", [one.amount for one in stripe.Refund.list(payment_intent=intent.id).data], [500, 700])
    equal("one refund", stripe.Refund.retrieve(refund.id).amount, 700)
    cancelled = stripe.PaymentIntent.cancel(create().id, cancellation_reason="abandoned")
    equal("let go", (cancelled.status, cancelled.cancellation_reason), ("canceled", "abandoned"))


def steps_of_an_intent():
    intent = stripe.PaymentIntent.create(amount=500, currency="eur")
    equal("bare", (intent.status, intent.capture_method), ("requires_payment_method", "automatic_async"))
    refused("no card", stripe.InvalidRequestError, lambda: stripe.PaymentIntent.confirm(intent.id))
    equal("updated", stripe.PaymentIntent.modify(intent.id, payment_method="pm_card_visa", amount=600).status,
          "requires_confirmation")
    paid = stripe.PaymentIntent.confirm(intent.id)
    equal("paid", (paid.status, paid.amount_received), ("succeeded", 600))
    refused("twice", stripe.InvalidRequestError, lambda: stripe.PaymentIntent.confirm(intent.id),
            code="payment_intent_unexpected_state")
    asks = create(method="pm_card_authenticationRequired", return_url="https://shop.example/back")
    equal("asks", (asks.status, asks.next_action.type), ("requires_action", "redirect_to_url"))
    equal("back", asks.next_action.redirect_to_url.return_url, "https://shop.example/back")
    page = asks.next_action.redirect_to_url.url.removeprefix(BASE)
    control("POST", page, {"outcome": "authorized"})
    equal("confirmed", stripe.PaymentIntent.retrieve(asks.id).status, "requires_capture")
    asks = create(method="pm_card_authenticationRequired")
    equal("without a page", asks.next_action.type, "use_stripe_sdk")
    control("POST", f"/3ds/{asks.id}", {"outcome": "declined"})
    refusal = stripe.PaymentIntent.retrieve(asks.id)
    equal("refused", (refusal.status, refusal.last_payment_error.code),
          ("requires_payment_method", "payment_intent_authentication_failure"))


def errors():
    declined = refused("declined", stripe.CardError, lambda: create(method="pm_card_chargeDeclined"), http_status=402,
                       code="card_declined")
    equal("its intent", declined.error.payment_intent["status"], "requires_payment_method")
    equal("its bank's word", declined.error.decline_code, "generic_decline")
    poor = refused("poor", stripe.CardError, lambda: create(method="pm_card_chargeDeclinedInsufficientFunds"))
    equal("poor, its bank's word", poor.error.decline_code, "insufficient_funds")
    refused("no such method", stripe.InvalidRequestError, lambda: create(method="pm_nothing"), http_status=400,
            code="resource_missing", param="payment_method")
    refused("no such intent", stripe.InvalidRequestError, lambda: stripe.PaymentIntent.retrieve("pi_nothing"),
            http_status=404, code="resource_missing")
    refused("no currency", stripe.InvalidRequestError, lambda: stripe.PaymentIntent.create(amount=1),
            code="parameter_missing", param="currency")
    refused("nothing", stripe.InvalidRequestError, lambda: create(amount=0), param="amount")
    refused("unknown", stripe.InvalidRequestError, lambda: create(colour="red"), code="parameter_unknown", param="colour")
    refused("a wrong key", stripe.AuthenticationError, lambda: stripe.PaymentIntent.list(api_key="nobody"), http_status=401)


def keys():
    first = create(idempotency_key="once")
    again = create(idempotency_key="once")
    equal("the same", (again.id, replayed(first), replayed(again)), (first.id, False, True))
    refused("other parameters", stripe.IdempotencyError, lambda: create(amount=1, idempotency_key="once"), http_status=400)
    refused("a decline", stripe.CardError, lambda: create(method="pm_card_chargeDeclined", idempotency_key="no"))
    refused("is kept", stripe.CardError, lambda: create(method="pm_card_chargeDeclined", idempotency_key="no"))
    refused("nothing begun", stripe.InvalidRequestError, lambda: create(amount=0, idempotency_key="anew"))
    equal("is not kept", create(idempotency_key="anew").status, "requires_capture")
    fault("create", "slow", seconds=1.0)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        slow = pool.submit(create, idempotency_key="twice")
        time.sleep(0.3)
        refused("in flight", stripe.APIError, lambda: create(idempotency_key="twice"), http_status=409)
        made = slow.result()
        equal("and then", create(idempotency_key="twice").id, made.id)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        def ask(_):
            try:
                return create(idempotency_key="race").id
            except stripe.APIError:
                return None
        made = set(pool.map(ask, range(16))) - {None}
    equal("sixteen at once", len(made), 1)


def faults():
    ledger = lambda key: [one for one in control("GET", "/_control/ledger")["entries"] if one["key"] == key]
    fault("create", "drop_after_commit")
    refused("dropped", stripe.APIConnectionError, lambda: create(idempotency_key="lost"))
    check("done all the same", replayed(create(idempotency_key="lost")))
    equal("once", [one["amount"] for one in ledger("lost")], [2000])
    for _ in range(2):
        fault("create", "error_after_commit")
        refused("broken, and again", stripe.APIError, lambda: create(idempotency_key="broken"), http_status=500)
    equal("once", [one["amount"] for one in ledger("broken")], [2000])
    control("DELETE", "/_control/faults")
    fault("create", "rate_limited")
    refused("too fast", stripe.RateLimitError, lambda: create(idempotency_key="fast"), http_status=429)
    equal("nothing was done", ledger("fast"), [])
    stripe.max_network_retries = 2
    fault("create", "drop_after_commit")
    create(metadata={"who": "patient"})
    stripe.max_network_retries = 0
    mine = [one for one in control("GET", "/_control/ledger")["charges"] if one["metadata"].get("who") == "patient"]
    equal("the package's own retry", [one["authorized"] for one in mine], [2000])


def webhooks():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    made = stripe.WebhookEndpoint.create(url=url, enabled_events=["*"])
    check("an endpoint", made.secret.startswith("whsec_"), made.secret)
    intent = create()
    stripe.PaymentIntent.capture(intent.id)
    for _ in range(100):
        if len(told) >= 3:
            break
        time.sleep(0.05)
    kinds = set()
    for body, signature in told:
        event = stripe.Webhook.construct_event(body, signature, made.secret)
        equal("of this intent", event.data.object.id, intent.id)
        equal("kept", stripe.Event.retrieve(event.id).type, event.type)
        kinds.add(event.type)
    wanted = {"payment_intent.created", "payment_intent.amount_capturable_updated", "payment_intent.succeeded"}
    equal("told", kinds, wanted)
    body, signature = told[0]
    refused("changed", stripe.SignatureVerificationError,
            lambda: stripe.Webhook.construct_event(body + b" ", signature, made.secret))
    equal("listed", {event.type for event in stripe.Event.list(limit=3).data}, wanted)


for part in (life_of_an_intent, steps_of_an_intent, errors, keys, faults, webhooks):
    try:
        part()
    except Exception as error:  # one part that breaks must not hide the others
        failed.append(f"{part.__name__}: {type(error).__name__}: {error}")
print("\n".join(failed) or f"{done} checks hold")
sys.exit(1 if failed else 0)
