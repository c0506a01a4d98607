#!/usr/bin/env bash
# A tour of the API: buys something from the sample shop with curl and says what happens at each step.
#
#     souk demo            # in one terminal: opens the sample shop and prints its staff key
#     examples/tour.sh     # in another
#
# SHOP says where the shop is, STAFF_KEY what its staff signs with; without a key the tour ends when the order is paid.
set -euo pipefail

SHOP="${SHOP:-http://127.0.0.1:8080}"
STAFF_KEY="${STAFF_KEY:-}"
for tool in curl jq; do
    command -v "$tool" >/dev/null || { echo "the tour needs $tool: apt-get install -y $tool" >&2; exit 1; }
done

bold='' plain=''
[ ! -t 1 ] || { bold=$'\033[1m' plain=$'\033[0m'; }
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
tell() { printf '  %s\n' "$@"; }
# ask METHOD PATH [BODY] [curl options]: prints the request and leaves the answer in $answer.
ask() {
    local method=$1 path=$2 body=${3-}
    shift $(($# > 2 ? 3 : $#))
    printf '  $ curl -X %s %s%s\n' "$method" "$path" "${body:+ -d '$body'}"
    local data=()
    [ -z "$body" ] || data=(-H 'Content-Type: application/json' -d "$body")
    local out
    out=$(curl -sS -X "$method" "$SHOP$path" -w '\n%{http_code}' "${data[@]}" "$@")
    answer=${out%$'\n'*}
    if [ "${out##*$'\n'}" -ge 400 ]; then
        echo "$answer" | jq . >&2
        exit 1
    fi
}
show() { echo "$answer" | jq -r "$1" | sed 's/^/    /'; }
take() { echo "$answer" | jq -r "$1"; }
money='def money: "\(.amount / 100 | floor).\(.amount % 100 | tostring | if length < 2 then "0" + . else . end) \(.currency)";'

step "1. Look around: the teas, the cheapest first"
tell "Lists come in pages: send \`next\` as \`cursor\` for the following one."
ask GET "/v1/products?category=tea&sort=price_asc&limit=5"
show "$money"'.items[] | "\(.slug): from \(.price_min | money), \(.availability)"'

step "2. One product, with its variants"
tell "The answer has an ETag: send it back as If-None-Match and an unchanged product costs you 304 and no body."
ask GET "/v1/products/jasmine-pearls"
show "$money"'.variants[] | "\(.sku): \(.price | money), \(.availability)"'
tea=$(take '.variants[0].id')
ask GET "/v1/products/stoneware-teapot"
pot=$(take '[.variants[] | select(.availability != "out")][0].id')

step "3. A cart, in one request: two of the tea, one pot, and where it goes"
tell "A guest gets a token for the cart; who holds it owns the cart. Customers send their session instead."
ask POST /v1/carts "$(jq -nc --arg tea "$tea" --arg pot "$pot" '{
    email: "ada@example.com",
    shipping_address: {name: "Ada Lovelace", line1: "Ringstraße 1", city: "Wien", postcode: "1010", country: "AT"},
    lines: [{variant: $tea, quantity: 2}, {variant: $pot, quantity: 1}]}')"
cart=$(take .id)
token=$(take .token)
show '"cart \(.id), still missing: \(.missing | join(", "))"'

step "4. How it can be sent"
tell "Zones by country, region and postcode: Vienna has a bicycle. Fetching it is for nothing."
ask GET "/v1/carts/$cart/shipping-options" "" -H "Cart-Token: $token"
show "$money"'.items[] | "\(.name): \(.price | money)"'
method=$(take '[.items[] | select(.name | startswith("Bicycle"))][0].method')
ask PATCH "/v1/carts/$cart" "$(jq -nc --arg method "$method" '{shipping_method: $method}')" -H "Cart-Token: $token"

step "5. What it costs, and why"
tell "Tea is food and taxed lower than the pot. Every amount says how it came to be."
show "$money"'.quote.trace[] | "\(.amount | money)  \(.text)"'
total=$(take '.quote.total')

step "6. Order it"
tell "Idempotency-Key: send the same request again and you get the same order, never a second one." \
     "expected_total: if a price changed since you looked, the shop says so (409) instead of charging it." \
     "Prefer: wait=10: the answer comes when the order is confirmed."
key=$(cat /proc/sys/kernel/random/uuid)
body=$(jq -nc --arg cart "$cart" --argjson total "$total" '{cart: $cart, payment: {method: "card", token: "tok_ok"}, expected_total: $total}')
ask POST /v1/orders "$body" -H "Cart-Token: $token" -H "Idempotency-Key: $key" -H "Prefer: wait=10"
order=$(take .id)
show "$money"'"order \(.number) is \(.status), \(.payment_state): \(.total | money)"'
ask POST /v1/orders "$body" -H "Cart-Token: $token" -H "Idempotency-Key: $key"
show '"sent again: still \(.number)"'

if [ -z "$STAFF_KEY" ]; then
    step "That is the buyer's half. With STAFF_KEY=… (souk demo prints it) the tour ships it, too."
    exit 0
fi

step "7. Staff send it"
tell "The money was only authorised until now; what is dispatched is captured."
ask GET "/v1/admin/shipments?order=$order" "" -H "Authorization: Bearer $STAFF_KEY"
shipment=$(take '.items[0].id')
ask POST "/v1/admin/shipments/$shipment/dispatch" '{"parcels":[{"carrier":"post","tracking_number":"1000000000000001"}]}' \
    -H "Authorization: Bearer $STAFF_KEY"
show '.parcels[] | "parcel with \(.carrier): \(.tracking_url)"'
ask POST "/v1/admin/shipments/$shipment/deliver" '{}' -H "Authorization: Bearer $STAFF_KEY"

step "8. One tea back"
tell "A refund by line gives back exactly what was paid for that unit, tax and all."
line=$(curl -sS "$SHOP/v1/orders/$order" -H "Cart-Token: $token" | jq -r '.lines[0].id')
ask POST /v1/admin/refunds "$(jq -nc --arg order "$order" --arg line "$line" '{order: $order, lines: [{line: $line, quantity: 1}], reason: "returned"}')" \
    -H "Authorization: Bearer $STAFF_KEY" -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)"
show "$money"'"refund \(.id): \(.amount | money)"'
sleep 1

step "9. The order's life, across the services"
ask GET "/v1/orders/$order" "" -H "Cart-Token: $token"
show '.history[] | "\(.at[11:23])  \(.source)  \(.event)  \(.status)"'
show '"\(.number): \(.status), \(.payment_state), \(.fulfilment_state)"'
