//! Shows staff what a message would look like.

use contracts::Locale;
use contracts::orders::{GetOrderContact, OrderId};
use garde::Validate;
use platform::{Ctx, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Error;
use crate::message::Template;
use crate::template::{Reader, Rendered, Templates, Wrong};
use crate::{ask, sample};

const NOT_FOUND: u16 = 404;

/// A message that the shop sends.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageTemplateView)]
pub struct TemplateView {
    pub name: Template,
    /// The languages that it is written in; who reads another gets the nearest, then the shop's, then `en`.
    pub locales: Vec<String>,
}

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewMessage {
    /// For whom, such as `de-AT`.
    #[garde(skip)]
    pub locale: Locale,
    /// With this order; a made-up one if not said. What the message tells beside it (parcels, a refund, how to
    /// pay, a link) is made up either way.
    #[garde(skip)]
    pub order: Option<OrderId>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MessagePreview {
    pub subject: String,
    pub text: String,
    pub html: String,
}

pub async fn templates(templates: &Templates) -> Result<Vec<TemplateView>, Error> {
    let book = templates.read().await.map_err(unusable)?;
    Ok(Template::ALL.into_iter().map(|name| TemplateView { name, locales: book.locales(name) }).collect())
}

/// Fills a template in, and sends nothing.
///
/// Errors: a field problem at `/order`; `BadTemplate` with file and line, where the shop's own can't be filled in.
pub async fn preview(
    ctx: &Ctx,
    templates: &Templates,
    template: Template,
    body: PreviewMessage,
) -> Result<MessagePreview, Error> {
    let order = match body.order {
        Some(order) => ctx.call(GetOrderContact { order }).await.map_err(no_order)?,
        None => sample::order(&ctx.config, &body.locale)?,
    };
    let letter = sample::letter(&ctx.config, template, order, ctx.clock.now())?;
    let reader = Reader { locale: &body.locale, shop: &ask::shop_locale(&ctx.config) };
    let book = templates.read().await.map_err(unusable)?;
    let Rendered { subject, text, html } = book.render(template, &reader, &letter.content).map_err(unusable)?;
    Ok(MessagePreview { subject, text, html })
}

fn no_order(problem: Problem) -> Problem {
    if problem.status == NOT_FOUND { Problem::field("/order", "is no order of this shop") } else { problem }
}

fn unusable(Wrong(why): Wrong) -> Error {
    Error::BadTemplate { why }
}
