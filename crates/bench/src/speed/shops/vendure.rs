//! Vendure, as a storefront asks its shop API: GraphQL, one query or mutation a request, as its documentation's checkout.

use std::path::Path;

use rand::Rng as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::process::Child;

use super::node;
use crate::speed::buyer::{Bought, Buyer};
use crate::speed::http::Http;

/// Where a session's token comes, and where it goes.
const TOKEN_HEADER: &str = "vendure-auth-token";
const PATH: &str = "/shop-api";
/// An answer in money says which; what is asked is what a page shows.
const PRODUCT: &str = "query($slug: String!) { outcome: product(slug: $slug) {
    id name slug description facetValues { name facet { name } } variants { id name sku priceWithTax currencyCode }
} }";
const LISTING: &str = "query($input: SearchInput!) { outcome: search(input: $input) { totalItems items {
    productId productName slug priceWithTax { ... on SinglePrice { value } ... on PriceRange { min max } }
} } }";
const ADD: &str = "mutation($variant: ID!) { outcome: addItemToOrder(productVariantId: $variant, quantity: 1) {
    ... on Order { code state totalWithTax lines { id quantity } } ... on ErrorResult { errorCode message }
} }";
const CUSTOMER: &str = "mutation($input: CreateCustomerInput!) { outcome: setCustomerForOrder(input: $input) {
    ... on Order { code state } ... on ErrorResult { errorCode message }
} }";
const ADDRESS: &str = "mutation($input: CreateAddressInput!) { outcome: setOrderShippingAddress(input: $input) {
    ... on Order { code state } ... on ErrorResult { errorCode message }
} }";
const SHIPPING_METHODS: &str = "query { outcome: eligibleShippingMethods { id priceWithTax } }";
const SHIPPING: &str = "mutation($id: [ID!]!) { outcome: setOrderShippingMethod(shippingMethodId: $id) {
    ... on Order { code state totalWithTax } ... on ErrorResult { errorCode message }
} }";
const CHECKOUT: &str = "mutation { outcome: transitionOrderToState(state: \"ArrangingPayment\") {
    ... on Order { code state } ... on OrderStateTransitionError { errorCode message transitionError }
} }";
const PAYMENT: &str = "mutation($input: PaymentInput!) { outcome: addPaymentToOrder(input: $input) {
    ... on Order { code state } ... on ErrorResult { errorCode message }
    ... on OrderStateTransitionError { transitionError }
} }";
const ORDER: &str = "query($code: String!) { outcome: orderByCode(code: $code) { code state totalWithTax } }";

/// What the seed left for the load. The first slug and variant are the hot ones.
#[derive(Debug, Deserialize)]
pub struct Vendure {
    slugs: Vec<String>,
    variants: Vec<String>,
    hot_variant: String,
    categories: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Answer<T> {
    data: Option<Outcome<T>>,
    errors: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Outcome<T> {
    outcome: T,
}

#[derive(Debug, Deserialize)]
struct Product {
    variants: Vec<Variant>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variant {
    price_with_tax: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    total_items: usize,
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    price_with_tax: Price,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Price {
    Single { value: i64 },
    Range { min: i64 },
}

#[derive(Debug, Deserialize)]
struct ShippingMethod {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Step {
    Order { code: String },
    Refused { error_code: String, message: String, transition_error: Option<String> },
}

#[derive(Debug, Deserialize)]
struct Order {
    state: String,
}

/// One visitor, known by the token of the first answer.
struct Session<'a> {
    http: &'a mut Http,
    authorization: Option<String>,
}

/// Installs it, unless this very one is there.
pub async fn install(source: &Path, into: &Path) -> Result<(), String> {
    node::install(source, into, &["ci"]).await.map(drop)
}

/// Fills an empty database, and writes what [`Vendure::read`] reads.
pub async fn seed(folder: &Path, database_url: &str, catalogue: &Path, out: &Path, log: &Path) -> Result<(), String> {
    let mut seed = node::command("node", folder, log)?;
    seed.arg("seed.js").env("DATABASE_URL", database_url).env("CATALOGUE", catalogue).env("OUT", out);
    node::run(seed.env("HOT_STOCK", node::HOT_STOCK.to_string()), log).await
}

/// Starts it: one process, without a worker.
pub async fn start(folder: &Path, database_url: &str, port: u16, log: &Path) -> Result<Child, String> {
    let mut server = node::command("node", folder, log)?;
    server.arg("server.js").env("DATABASE_URL", database_url).env("PORT", port.to_string());
    let look = async |http: &mut Http| {
        let input = json!({ "take": 1, "groupByProduct": true });
        match Session::new(http).ask::<Found>(LISTING, json!({ "input": input })).await?.total_items {
            0 => Err("an empty catalogue".to_owned()),
            _ => Ok(()),
        }
    };
    node::start(&mut server, port, log, look).await
}

impl Vendure {
    pub fn read(seeded: &Path) -> Result<Self, String> {
        node::seeded(seeded)
    }

    pub async fn product(&self, buyer: &mut Buyer) -> Result<(), String> {
        let slug = &self.slugs[buyer.popular(self.slugs.len())];
        let product: Option<Product> = Session::new(&mut buyer.http).ask(PRODUCT, json!({ "slug": slug })).await?;
        let price = product.as_ref().and_then(|product| product.variants.first()).map(|variant| variant.price_with_tax);
        if price > Some(0) { Ok(()) } else { Err(format!("{slug} has no price")) }
    }

    /// By category only: Vendure's search does not filter by price.
    pub async fn listing(&self, buyer: &mut Buyer) -> Result<(), String> {
        let category = &self.categories[buyer.any(self.categories.len())];
        let input = json!({ "take": 20, "groupByProduct": true, "facetValueFilters": [{ "and": category }] });
        let found: Found = Session::new(&mut buyer.http).ask(LISTING, json!({ "input": input })).await?;
        let is_priced =
            |item: &Item| matches!(item.price_with_tax, Price::Single { value: 1.. } | Price::Range { min: 1.. });
        let is_good = !found.items.is_empty() && found.items.iter().all(is_priced);
        if is_good { Ok(()) } else { Err(format!("a list of {} items, or without prices", found.items.len())) }
    }

    pub async fn cart(&self, buyer: &mut Buyer) -> Result<(), String> {
        let variant = &self.variants[buyer.any(self.variants.len())];
        match Session::new(&mut buyer.http).step(ADD, json!({ "variant": variant })).await? {
            Some(_) => Ok(()),
            None => Err("sold out".to_owned()),
        }
    }

    pub async fn purchase(&self, buyer: &mut Buyer) -> Result<(), String> {
        // Any but the hot one.
        let variant = 1 + buyer.any(self.variants.len() - 1);
        match self.buy(buyer, &self.variants[variant]).await? {
            Bought::Ordered => Ok(()),
            Bought::SoldOut => Err("sold out".to_owned()),
        }
    }

    pub async fn buy_hot(&self, buyer: &mut Buyer) -> Result<Bought, String> {
        self.buy(buyer, &self.hot_variant).await
    }

    /// A session with a line; who and where to; how it can be sent; that way chosen; to the till; paid; looked at again.
    async fn buy(&self, buyer: &mut Buyer, variant: &str) -> Result<Bought, String> {
        // A customer who was here before would cost Vendure another path.
        let email = format!("{:08x}-{}", buyer.random.random::<u32>(), buyer.email);
        let customer = json!({ "firstName": "Ada", "lastName": "Lovelace", "emailAddress": email });
        let address = json!({
            "fullName": "Ada Lovelace", "streetLine1": "Hauptstraße 1", "city": "Wien", "postalCode": "1010", "countryCode": "AT",
        });
        let mut session = Session::new(&mut buyer.http);
        let Some(_) = session.step(ADD, json!({ "variant": variant })).await? else { return Ok(Bought::SoldOut) };
        let Some(_) = session.step(CUSTOMER, json!({ "input": customer })).await? else { return Ok(Bought::SoldOut) };
        let Some(_) = session.step(ADDRESS, json!({ "input": address })).await? else { return Ok(Bought::SoldOut) };
        let methods: Vec<ShippingMethod> = session.ask(SHIPPING_METHODS, json!({})).await?;
        let method = &methods.first().ok_or("no way to send it")?.id;
        let Some(_) = session.step(SHIPPING, json!({ "id": [method] })).await? else { return Ok(Bought::SoldOut) };
        let Some(_) = session.step(CHECKOUT, json!({})).await? else { return Ok(Bought::SoldOut) };
        let payment = json!({ "method": "dummy", "metadata": {} });
        let Some(code) = session.step(PAYMENT, json!({ "input": payment })).await? else { return Ok(Bought::SoldOut) };
        let order: Order = session.ask(ORDER, json!({ "code": code })).await?;
        match order.state.as_str() {
            "PaymentSettled" => Ok(Bought::Ordered),
            state => Err(format!("an order is {state}")),
        }
    }
}

impl<'a> Session<'a> {
    fn new(http: &'a mut Http) -> Self {
        Self { http, authorization: None }
    }

    /// A step of the checkout: the order's code, or nothing if there is not enough of it.
    async fn step(&mut self, mutation: &str, variables: Value) -> Result<Option<String>, String> {
        match self.ask(mutation, variables).await? {
            Step::Order { code } => Ok(Some(code)),
            Step::Refused { error_code, message, transition_error } => {
                let why = transition_error.unwrap_or(message);
                match error_code.as_str() {
                    "INSUFFICIENT_STOCK_ERROR" => Ok(None),
                    "ORDER_STATE_TRANSITION_ERROR" if why.contains("insufficient stock") => Ok(None),
                    _ => Err(format!("{error_code}: {why}")),
                }
            }
        }
    }

    async fn ask<T: DeserializeOwned>(&mut self, query: &str, variables: Value) -> Result<T, String> {
        let headers = self.authorization.as_deref().map(|token| ("authorization", token));
        let body = json!({ "query": query, "variables": variables }).to_string();
        let reply = self.http.post(PATH, headers.as_slice(), body).await?;
        if let Some(token) = reply.headers.get(TOKEN_HEADER).and_then(|token| token.to_str().ok()) {
            self.authorization = Some(format!("Bearer {token}"));
        }
        match node::parsed::<Answer<T>>(&reply, 200)? {
            Answer { data: Some(data), errors: None } => Ok(data.outcome),
            Answer { errors, .. } => {
                let text = errors.unwrap_or_default().to_string();
                Err(format!("no data: {}", text.chars().take(300).collect::<String>()))
            }
        }
    }
}
