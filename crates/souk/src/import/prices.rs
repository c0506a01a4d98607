//! Price lists: a price a row.

use catalog::ListedPrice;
use contracts::Money;

use super::fault::Fault;
use super::map::{ImportMap, PriceListMap};
use super::markets::{Markets, Unplaced, currency};
use super::number::{amount, shown};
use super::pipeline::{Batch, Convert, pump};
use super::rows::{Row, Source};
use super::seen::Seen;
use super::template::{Fields, Scope, Template};
use super::text::Text;
use super::{ImportError, Progress, Run};

/// Makes prices of rows.
pub struct Rows {
    map: ImportMap,
    list: PriceListMap,
    markets: Markets,
    seen: Seen,
}

impl Rows {
    pub fn new(map: ImportMap, markets: Markets) -> Result<Self, String> {
        let list = map.price.clone().ok_or("it has no [price]: it is not for lists of prices")?;
        Ok(Self { map, list, markets, seen: Seen::default() })
    }

    pub fn fields(&self) -> (Vec<&[String]>, Vec<&[String]>) {
        let list = &self.list;
        let required = list.sku.templates().into_iter().chain([&list.amount]);
        let others = list.market.iter().chain(&list.currency).flat_map(Text::templates);
        (required.flat_map(Template::fields).collect(), others.flat_map(Template::fields).collect())
    }

    fn price(&mut self, row: &Fields) -> Result<ListedPrice, Fault> {
        let (list, scope) = (&self.list, Scope::of(row));
        let sku = list.sku.text(scope);
        if sku.is_empty() {
            return Err(Fault::field("missing", "price.sku", "sku is missing"));
        }
        Fault::of_sku("price.sku", &sku)?;
        let said = list.market.as_ref().map(|text| text.text(scope)).filter(|text| !text.is_empty());
        let said = said.map(|market| market.parse().map_err(|why| Fault::field("unknown_market", "price.market", why)));
        // What the row says holds over the map and the command.
        let market = match (&self.map.market, said) {
            (Some(market), None) => Some(market.clone()),
            (_, said) => said.transpose()?,
        };
        let code = list.currency.as_ref().or(self.map.currency.as_ref()).map(|text| text.text(scope));
        let placed = currency(&code.unwrap_or_default())
            .and_then(|currency| self.markets.place(market.as_ref(), currency))
            .map_err(|why| {
                let field = if matches!(why, Unplaced::Market(_)) { "price.market" } else { "price.currency" };
                Fault::field(why.code(), field, why.to_string())
            });
        let (market, currency) = placed?;
        let value = list.amount.value(scope);
        let value = value.ok_or_else(|| Fault::field("missing", "price.amount", "amount is missing"))?;
        let amount = amount(&value, list.unit, self.map.decimal, currency)
            .map_err(|why| Fault::field("bad_price", "price.amount", format!("price `{}` {why}", shown(&value))))?;
        self.seen.first("price", &format!("{market}\n{sku}")).map_err(|why| {
            let text = why.text("SKU", &format!("{sku}` in the market `{market}"));
            Fault::field(why.code("duplicate_sku"), "price.sku", text)
        })?;
        Ok(ListedPrice { sku, market, price: Money::new(amount, currency) })
    }
}

impl Convert for Rows {
    type Item = (u64, ListedPrice);

    fn row(&mut self, row: Row, batch: &mut Batch<Self::Item>) {
        match row.fields.and_then(|fields| self.price(&fields)) {
            Ok(price) => batch.items.push((row.line, price)),
            Err(fault) => batch.refuse(row.line, fault),
        }
    }
}

/// Takes the file into the catalogue, batch by batch.
pub async fn import<P: Fn(Progress)>(run: &mut Run<'_, P>, source: Source, rows: Rows) -> Result<(), ImportError> {
    run.report.add("prices changed", 0);
    run.report.add("prices unchanged", 0);
    pump(source, rows, async |batch, bytes_read| {
        run.report.rows += batch.rows;
        let mut faults = batch.faults;
        if !batch.items.is_empty() {
            let (lines, prices): (Vec<u64>, Vec<ListedPrice>) = batch.items.into_iter().unzip();
            let imported = catalog::import_prices(run.catalog, prices).await?;
            run.report.add("prices changed", imported.changed);
            run.report.add("prices unchanged", imported.unchanged);
            faults.extend(imported.faults.into_iter().map(|(index, fault)| (lines[index], fault.into())));
        }
        run.faults.write(&mut run.report, faults)?;
        run.show(bytes_read);
        Ok(())
    })
    .await
}
