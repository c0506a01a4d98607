//! Calls: questions to another service. A call reads; it changes nothing where it is answered.

use serde::{Serialize, de::DeserializeOwned};

/// A question with a name and a typed answer. Answered in this process where its owner runs here,
/// else by `POST /internal/calls/<NAME>` with the same data as JSON.
pub trait Call: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Service, dot, what is asked: `pricing.quote_basket`.
    const NAME: &'static str;
    type Reply: Serialize + DeserializeOwned + Send + Sync + 'static;
}

/// Declares calls: `calls! { "carts.basket" GetBasket -> Basket; }`.
#[macro_export]
macro_rules! calls {
    ($($name:literal $call:ident -> $reply:ty;)*) => {$(
        impl $crate::Call for $call {
            const NAME: &'static str = $name;
            type Reply = $reply;
        }
    )*};
}
