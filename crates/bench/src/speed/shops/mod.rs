//! The shops that are measured, each behind its own public API.

pub mod medusa;
mod node;
pub mod souk;
pub mod vendure;

use self::medusa::Medusa;
use self::souk::Souk;
use self::vendure::Vendure;
use super::buyer::{Bought, Buyer};

/// How one shop is asked.
#[derive(Debug)]
pub enum Shop {
    Souk(Souk),
    Vendure(Vendure),
    Medusa(Medusa),
}

/// What a buyer does, in every shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Looks at a product by its slug.
    Product,
    /// Looks at 20 products of a category in a range of prices.
    Listing,
    /// Puts one thing into a new cart.
    Cart,
    /// Buys one thing, until the shop says on asking that the order is confirmed.
    Purchase,
    /// Logs in with a password.
    LogIn,
    /// A purchase of the thing that all want.
    BuyHot,
}

impl Shop {
    pub async fn does(&self, deed: Deed, buyer: &mut Buyer) -> Result<(), String> {
        match (self, deed) {
            (Self::Souk(shop), Deed::Product) => shop.product(buyer).await,
            (Self::Souk(shop), Deed::Listing) => shop.listing(buyer).await,
            (Self::Souk(shop), Deed::Cart) => shop.cart(buyer).await,
            (Self::Souk(shop), Deed::Purchase) => shop.purchase(buyer).await,
            (Self::Souk(shop), Deed::LogIn) => shop.log_in(buyer).await,
            (Self::Vendure(shop), Deed::Product) => shop.product(buyer).await,
            (Self::Vendure(shop), Deed::Listing) => shop.listing(buyer).await,
            (Self::Vendure(shop), Deed::Cart) => shop.cart(buyer).await,
            (Self::Vendure(shop), Deed::Purchase) => shop.purchase(buyer).await,
            (Self::Medusa(shop), Deed::Product) => shop.product(buyer).await,
            (Self::Medusa(shop), Deed::Listing) => shop.listing(buyer).await,
            (Self::Medusa(shop), Deed::Cart) => shop.cart(buyer).await,
            (Self::Medusa(shop), Deed::Purchase) => shop.purchase(buyer).await,
            (Self::Vendure(_) | Self::Medusa(_), Deed::LogIn) => Err("nobody asks a peer for that".to_owned()),
            (_, Deed::BuyHot) => match self.buy_hot(buyer).await? {
                Bought::Ordered => Ok(()),
                Bought::SoldOut => Err("sold out".to_owned()),
            },
        }
    }

    pub async fn buy_hot(&self, buyer: &mut Buyer) -> Result<Bought, String> {
        match self {
            Self::Souk(shop) => shop.buy_hot(buyer).await,
            Self::Vendure(shop) => shop.buy_hot(buyer).await,
            Self::Medusa(shop) => shop.buy_hot(buyer).await,
        }
    }
}
