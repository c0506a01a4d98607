//! What the shop says to a cart now: its variants, how it can be sent, what it costs, what it lacks. Pure.

use std::collections::BTreeMap;

use contracts::carts::Missing;
use contracts::catalog::{ProductStatus, VariantForSale, VariantId};
use contracts::pricing::{BasketLine, Quote, QuoteBasket, ShippingCharge, TaxPlace};
use contracts::shipping::{PickupPoint, ShippingOption};
use contracts::{Address, Money};
use platform::{Market, Problem};

use crate::cart::Cart;

/// The variants of a cart that the catalogue knows.
pub type Variants = BTreeMap<VariantId, VariantForSale>;

/// What could be found out. A part that does not answer right now leaves its field empty.
#[derive(Debug)]
pub struct Offer {
    pub variants: Option<Variants>,
    pub method: Method,
    pub quote: Option<Quote>,
    /// Why something is left empty.
    pub unavailable: Option<Problem>,
}

/// The way of sending that the buyer chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    NotChosen,
    Serves(Box<ShippingOption>),
    /// The address changed, or the shop gave the method up.
    DoesNotServe,
    /// `shipping` does not answer.
    Unknown,
}

/// Whether a buyer can have it: shown in the shop, with a price in the cart's market.
pub fn is_for_sale(variant: &VariantForSale) -> bool {
    variant.status == ProductStatus::Active && variant.unit_price.is_some()
}

/// How a line is called in a quote's trace: `Teapot`, or `Teapot (1 l)`.
pub fn title_of(variant: &VariantForSale) -> String {
    match &variant.variant_title {
        Some(title) => format!("{} ({title})", variant.product_title),
        None => variant.product_title.clone(),
    }
}

/// Whether anything in the cart travels; a variant that is not known counts as one that does.
fn needs_shipping(cart: &Cart, variants: Option<&Variants>) -> bool {
    let travels = |variant| variants.and_then(|known| known.get(variant)).is_none_or(|known| known.requires_shipping);
    cart.lines.iter().any(|line| travels(&line.variant))
}

impl Method {
    /// Where the buyer fetches the goods.
    pub fn pickup(&self) -> Option<&PickupPoint> {
        match self {
            Self::Serves(option) => option.pickup.as_ref(),
            Self::NotChosen | Self::DoesNotServe | Self::Unknown => None,
        }
    }
}

/// Why the cart can't be ordered as it is; empty when it can. What is fetched, or needs no parcel, needs no
/// shipping address; but some address has to say whom the invoice is for.
pub fn missing(cart: &Cart, variants: Option<&Variants>, method: &Method) -> Vec<Missing> {
    let travels = needs_shipping(cart, variants);
    let is_sold = |variant| variants.is_none_or(|known| known.get(variant).is_some_and(is_for_sale));
    let has_method = matches!(method, Method::Serves(_) | Method::Unknown);
    let needs_place = travels && method.pickup().is_none();
    let has_address = cart.shipping_address.is_some() || cart.billing_address.is_some();
    [
        (Missing::Lines, cart.lines.is_empty()),
        (Missing::Email, cart.email.is_none()),
        (Missing::ShippingAddress, needs_place && cart.shipping_address.is_none()),
        (Missing::BillingAddress, !cart.lines.is_empty() && !needs_place && !has_address),
        (Missing::ShippingMethod, travels && !has_method),
        (Missing::LineForSale, !cart.lines.iter().all(|line| is_sold(&line.variant))),
    ]
    .into_iter()
    .filter_map(|(missing, is_missing)| is_missing.then_some(missing))
    .collect()
}

/// What is sent of the cart, and what its goods cost: by what `shipping` prices. Sums stop at the end of 64 bits.
pub fn load(cart: &Cart, variants: &Variants) -> (i64, Money) {
    let sold = cart.lines.iter().filter_map(|line| {
        let variant = variants.get(&line.variant).filter(|variant| is_for_sale(variant))?;
        Some((variant, line.quantity.get()))
    });
    let (mut weight_g, mut items) = (0_i64, 0_i64);
    for (variant, quantity) in sold {
        let grams = if variant.requires_shipping { variant.weight_g } else { 0 };
        let price = variant.unit_price.map_or(0, |price| price.amount);
        weight_g = weight_g.saturating_add(grams.saturating_mul(quantity));
        items = items.saturating_add(price.saturating_mul(quantity));
    }
    (weight_g, Money::new(items, cart.currency))
}

/// What to ask `pricing`: the lines that are for sale, and the way they are sent. `None`: nothing costs anything.
pub fn question(cart: &Cart, variants: &Variants, method: &Method) -> Option<QuoteBasket> {
    let line = |line: &crate::cart::Line| {
        let variant = variants.get(&line.variant).filter(|variant| is_for_sale(variant))?;
        Some(BasketLine {
            line: line.id,
            variant: line.variant,
            title: title_of(variant),
            quantity: line.quantity,
            unit_price: variant.unit_price?,
            tax_class: variant.tax_class.clone(),
        })
    };
    let lines: Vec<BasketLine> = cart.lines.iter().filter_map(line).collect();
    if lines.is_empty() {
        return None;
    }
    let shipping = match method {
        Method::Serves(option) if needs_shipping(cart, Some(variants)) => Some(ShippingCharge {
            method: option.method,
            name: option.name.clone(),
            price: option.price,
            tax_class: option.tax_class.clone(),
        }),
        _ => None,
    };
    let ship_to = tax_place(cart, method);
    Some(QuoteBasket { market: cart.market.clone(), currency: cart.currency, ship_to, lines, shipping })
}

/// Where the buyer gets the goods: where they fetch them, else where they go, else (of downloads) where the
/// invoice goes. The tax id is the buyer's in any case: of the address that the invoice is for.
fn tax_place(cart: &Cart, method: &Method) -> Option<TaxPlace> {
    let place = method.pickup().map(|point| &point.address);
    let place = place.or(cart.shipping_address.as_ref()).or(cart.billing_address.as_ref())?;
    let business = |address: &&Address| address.company.is_some() && address.tax_id.is_some();
    let invoiced = [&cart.billing_address, &cart.shipping_address].into_iter().flatten().find(business);
    Some(TaxPlace {
        country: place.country.clone(),
        region: place.region.clone(),
        tax_id: invoiced.and_then(|address| address.tax_id.clone()),
    })
}

/// The quote of a cart with nothing for sale in it.
pub fn nothing(cart: &Cart, market: &Market) -> Quote {
    Quote {
        currency: cart.currency,
        tax_inclusive: market.tax_inclusive,
        reverse_charge: false,
        lines: Vec::new(),
        shipping: None,
        amounts: Vec::new(),
        total: Money::zero(cart.currency),
        trace: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use contracts::inventory::Availability;
    use contracts::{Currency, Id, TaxClass};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::cart::tests::{WIDE, addition, empty};

    fn variant(number: u128, requires_shipping: bool) -> VariantForSale {
        VariantForSale {
            variant: VariantId::from_uuid(Uuid::from_u128(number)),
            product: contracts::catalog::ProductId::from_uuid(Uuid::nil()),
            status: ProductStatus::Active,
            product_title: "Teapot".into(),
            variant_title: Some("1 l".into()),
            sku: "T".into(),
            options: Vec::new(),
            image: None,
            unit_price: Some(Money::new(100, Currency::EUR)),
            tax_class: TaxClass::standard(),
            weight_g: 0,
            requires_shipping,
            availability: Availability::In,
        }
    }

    fn cart(variants: &[u128]) -> Cart {
        let add = |cart: Cart, number: &u128| {
            cart.with(&addition(*number, *number, 1), WIDE, "", Timestamp::UNIX_EPOCH).expect("a cart")
        };
        variants.iter().fold(empty(), add)
    }

    fn option() -> ShippingOption {
        let method = contracts::shipping::ShippingMethodId::from_uuid(Uuid::nil());
        ShippingOption {
            method,
            name: "Standard".into(),
            price: Money::new(490, Currency::EUR),
            tax_class: TaxClass::standard(),
            pickup: None,
        }
    }

    fn fetched() -> ShippingOption {
        let address = Address { region: Some("6".into()), ..vienna() };
        ShippingOption { pickup: Some(PickupPoint { name: "Shop".into(), address }), ..option() }
    }

    fn vienna() -> Address {
        serde_json::from_str(r#"{"name": "Ada", "line1": "Ring 1", "city": "Wien", "region": "9", "country": "AT"}"#)
            .expect("an address")
    }

    fn known(variants: Vec<VariantForSale>) -> Variants {
        variants.into_iter().map(|variant| (variant.variant, variant)).collect()
    }

    #[test]
    fn a_cart_says_all_that_it_still_needs() {
        let variants = known(vec![variant(1, true)]);
        let bare = missing(&empty(), Some(&variants), &Method::NotChosen);
        assert_eq!(bare, [Missing::Lines, Missing::Email]);
        let with_line = missing(&cart(&[1]), Some(&variants), &Method::NotChosen);
        assert_eq!(with_line, [Missing::Email, Missing::ShippingAddress, Missing::ShippingMethod]);
        let ready = Cart { email: Some("ada@example.com".into()), shipping_address: Some(vienna()), ..cart(&[1]) };
        assert_eq!(missing(&ready, Some(&variants), &Method::DoesNotServe), [Missing::ShippingMethod]);
        assert!(missing(&ready, Some(&variants), &Method::Serves(Box::new(option()))).is_empty());
        let unknown = Cart { lines: cart(&[1, 2]).lines, ..ready };
        assert_eq!(missing(&unknown, Some(&variants), &Method::Serves(Box::new(option()))), [Missing::LineForSale]);
    }

    #[test]
    fn what_does_not_travel_needs_an_invoice_address_and_pays_no_shipping() {
        let cart = Cart { email: Some("ada@example.com".into()), ..cart(&[1]) };
        let variants = known(vec![variant(1, false)]);
        assert_eq!(missing(&cart, Some(&variants), &Method::NotChosen), [Missing::BillingAddress]);
        let cart = Cart { billing_address: Some(vienna()), ..cart };
        assert!(missing(&cart, Some(&variants), &Method::NotChosen).is_empty());
        let asked = question(&cart, &variants, &Method::NotChosen).expect("a question");
        assert_eq!(asked.ship_to.map(|place| place.country).as_deref(), Some("AT"));
        assert!(
            question(&cart, &variants, &Method::Serves(Box::new(option())))
                .is_some_and(|question| question.shipping.is_none())
        );
    }

    #[test]
    fn only_what_is_for_sale_is_priced() {
        let archived = VariantForSale { status: ProductStatus::Archived, ..variant(2, true) };
        let unpriced = VariantForSale { unit_price: None, ..variant(3, true) };
        let variants = known(vec![variant(1, true), archived, unpriced]);
        let cart = Cart { shipping_address: Some(vienna()), ..cart(&[1, 2, 3, 4]) };
        let asked = question(&cart, &variants, &Method::Serves(Box::new(option()))).expect("a question");
        assert_eq!(asked.lines.iter().map(|line| line.title.as_str()).collect::<Vec<_>>(), ["Teapot (1 l)"]);
        assert_eq!(asked.shipping.map(|shipping| shipping.price.amount), Some(490));
        assert_eq!(asked.ship_to, Some(TaxPlace { country: "AT".into(), region: Some("9".into()), tax_id: None }));
        assert!(question(&empty(), &variants, &Method::NotChosen).is_none());
    }

    #[test]
    fn what_is_fetched_is_taxed_where_it_is_fetched() {
        let variants = known(vec![variant(1, true)]);
        let bare = Cart { email: Some("ada@example.com".into()), ..cart(&[1]) };
        let method = Method::Serves(Box::new(fetched()));
        assert_eq!(missing(&bare, Some(&variants), &method), [Missing::BillingAddress]);
        let billed = Cart { billing_address: Some(Address { country: "DE".into(), ..vienna() }), ..bare };
        assert!(missing(&billed, Some(&variants), &method).is_empty());
        let place = question(&billed, &variants, &method).and_then(|asked| asked.ship_to).expect("a place");
        assert_eq!((place.country.as_str(), place.region.as_deref()), ("AT", Some("6")));
    }

    #[test]
    fn the_tax_id_is_that_of_a_company_that_is_invoiced() {
        let variants = known(vec![variant(1, true)]);
        let firm = |id: &str| Address { company: Some("Ada & Co".into()), tax_id: Some(id.into()), ..vienna() };
        let id = |shipping: Address, billing: Option<Address>| {
            let cart = Cart { shipping_address: Some(shipping), billing_address: billing, ..cart(&[1]) };
            question(&cart, &variants, &Method::Serves(Box::new(option()))).and_then(|asked| asked.ship_to?.tax_id)
        };
        assert_eq!(id(firm("ATU1"), None).as_deref(), Some("ATU1"));
        assert_eq!(id(firm("ATU1"), Some(firm("DE2"))).as_deref(), Some("DE2"));
        assert_eq!(id(Address { company: None, ..firm("ATU1") }, None), None, "a person's tax id changes nothing");
    }

    #[test]
    fn only_what_is_sent_weighs() {
        let heavy = VariantForSale { weight_g: 700, ..variant(1, true) };
        let download = VariantForSale { weight_g: 9, ..variant(2, false) };
        let archived = VariantForSale { status: ProductStatus::Archived, weight_g: 50, ..variant(3, true) };
        let cart = cart(&[1, 2, 3]).with(&addition(9, 1, 2), WIDE, "", Timestamp::UNIX_EPOCH).expect("a cart");
        assert_eq!(load(&cart, &known(vec![heavy, download, archived])), (2100, Money::new(400, Currency::EUR)));
    }
}
