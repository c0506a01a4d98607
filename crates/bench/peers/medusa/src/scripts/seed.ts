// Fills a migrated database with the bench's catalogue (CATALOGUE, one product a line) and writes what the load needs to
// know to OUT. Everything goes through Medusa's own workflows.
import { readFileSync, writeFileSync } from "node:fs"
import { ContainerRegistrationKeys, Modules, ProductStatus } from "@medusajs/framework/utils"
import {
  createApiKeysWorkflow, createInventoryLevelsWorkflow, createProductCategoriesWorkflow, createProductsWorkflow,
  createRegionsWorkflow, createSalesChannelsWorkflow, createShippingOptionsWorkflow, createShippingProfilesWorkflow,
  createStockLocationsWorkflow, createTaxRegionsWorkflow, linkSalesChannelsToApiKeyWorkflow,
  linkSalesChannelsToStockLocationWorkflow, updateStoresWorkflow,
} from "@medusajs/medusa/core-flows"

type Listed = {
  slug: string
  title: string
  description: string
  brand: string
  categories: string[]
  variants: { sku: string; prices: { amount: number }[]; weight_g: number }[]
}

const COUNTRIES = ["gb", "de", "at"]
const CENTS = 100 // Medusa counts in euros
const STOCK = 1_000_000
const HOT_STOCK = Number(process.env.HOT_STOCK ?? 100)
const BATCH = 100

export default async function seed({ container }: any) {
  const lines = readFileSync(process.env.CATALOGUE!, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line))
  const listed: Listed[] = lines.filter((line) => (line.kind ?? "product") === "product")
  const shop = await furnish(container)
  const categories = await makeCategories(container, listed)
  for (let at = 0; at < listed.length; at += BATCH) {
    const products = listed.slice(at, at + BATCH).map((one) => product(one, shop, categories))
    await createProductsWorkflow(container).run({ input: { products } })
  }
  await stock(container, shop.location)
  const variants = await variantsBySku(container)
  const made = listed.map((one) => variants.get(one.variants[0].sku))
  writeFileSync(process.env.OUT!, JSON.stringify({
    key: shop.key,
    region: shop.region,
    shipping_option: shop.shippingOption,
    slugs: listed.map((one) => one.slug),
    products: made.map((variant) => variant.product_id),
    variants: made.map((variant) => variant.id),
    hot_variant: made[listed.findIndex((one) => one.slug === "hot")]?.id,
    categories: [...categories.values()],
  }))
}

/** One channel, region, warehouse and shipping option; prices in euros with tax in them. */
async function furnish(container: any) {
  const link = container.resolve(ContainerRegistrationKeys.LINK)
  const [store] = await container.resolve(Modules.STORE).listStores()
  const { result: [channel] } = await createSalesChannelsWorkflow(container).run({ input: { salesChannelsData: [{ name: "Bench" }] } })
  const euro = { currency_code: "eur", is_default: true, is_tax_inclusive: true }
  const update = { supported_currencies: [euro], default_sales_channel_id: channel.id }
  await updateStoresWorkflow(container).run({ input: { selector: { id: store.id }, update } })
  const europe = { name: "Europe", currency_code: "eur", countries: COUNTRIES, payment_providers: ["pp_system_default"], is_tax_inclusive: true }
  const { result: [region] } = await createRegionsWorkflow(container).run({ input: { regions: [europe] } })
  const vat = { name: "standard", rate: 20, code: "standard" }
  const taxed = COUNTRIES.map((country_code) => ({ country_code, provider_id: "tp_system", default_tax_rate: vat }))
  await createTaxRegionsWorkflow(container).run({ input: taxed })
  const address = { city: "Berlin", country_code: "DE", address_1: "" }
  const { result: [location] } = await createStockLocationsWorkflow(container).run({ input: { locations: [{ name: "Warehouse", address }] } })
  const [profile, shippingOption] = await makeShipping(container, location.id)
  await linkSalesChannelsToStockLocationWorkflow(container).run({ input: { id: location.id, add: [channel.id] } })
  const { result: [key] } = await createApiKeysWorkflow(container).run({ input: { api_keys: [{ title: "Bench", type: "publishable", created_by: "" }] } })
  await linkSalesChannelsToApiKeyWorkflow(container).run({ input: { id: key.id, add: [channel.id] } })
  return { channel: channel.id, region: region.id, location: location.id, key: key.token, profile, shippingOption }

  async function makeShipping(container: any, location: string): Promise<[string, string]> {
    const fulfillment = container.resolve(Modules.FULFILLMENT)
    const toLocation = (fields: object) => link.create({ [Modules.STOCK_LOCATION]: { stock_location_id: location }, [Modules.FULFILLMENT]: fields })
    await toLocation({ fulfillment_provider_id: "manual_manual" })
    const [profile] = (await fulfillment.listShippingProfiles({ type: "default" })).concat(
      (await createShippingProfilesWorkflow(container).run({ input: { data: [{ name: "Default", type: "default" }] } })).result)
    const zones = COUNTRIES.map((country_code) => ({ country_code, type: "country" }))
    const set = await fulfillment.createFulfillmentSets({ name: "Delivery", type: "shipping", service_zones: [{ name: "Europe", geo_zones: zones }] })
    await toLocation({ fulfillment_set_id: set.id })
    const standard: any = {
      name: "standard",
      price_type: "flat",
      provider_id: "manual_manual",
      service_zone_id: set.service_zones[0].id,
      shipping_profile_id: profile.id,
      type: { label: "standard", description: "standard", code: "standard" },
      prices: [{ currency_code: "eur", amount: 5 }],
      rules: [
        { attribute: "enabled_in_store", value: "true", operator: "eq" },
        { attribute: "is_return", value: "false", operator: "eq" },
      ],
    }
    const { result: [option] } = await createShippingOptionsWorkflow(container).run({ input: [standard] })
    return [profile.id, option.id]
  }
}

/** Map of name to id. */
async function makeCategories(container: any, listed: Listed[]): Promise<Map<string, string>> {
  const names = [...new Set(listed.flatMap((one) => one.categories))]
  const product_categories = names.map((name) => ({ name, is_active: true }))
  const { result } = await createProductCategoriesWorkflow(container).run({ input: { product_categories } })
  return new Map(result.map((category: any) => [category.name, category.id]))
}

function product(one: Listed, shop: { channel: string; profile: string }, categories: Map<string, string>) {
  const [variant] = one.variants
  return {
    title: one.title,
    handle: one.slug,
    description: one.description,
    status: ProductStatus.PUBLISHED,
    shipping_profile_id: shop.profile,
    category_ids: one.categories.map((name) => categories.get(name)!),
    metadata: { brand: one.brand },
    sales_channels: [{ id: shop.channel }],
    options: [{ title: "Version", values: ["Only"] }], // Medusa takes no product without an option
    variants: [{
      title: "Only",
      sku: variant.sku,
      weight: variant.weight_g,
      manage_inventory: true,
      options: { Version: "Only" },
      prices: [{ currency_code: "eur", amount: variant.prices[0].amount / CENTS }],
    }],
  }
}

async function stock(container: any, location: string) {
  const query = container.resolve(ContainerRegistrationKeys.QUERY)
  const { data } = await query.graph({ entity: "inventory_item", fields: ["id", "sku"] })
  const inventory_levels = data.map((item: any) => ({
    location_id: location,
    inventory_item_id: item.id,
    stocked_quantity: item.sku === "HOT" ? HOT_STOCK : STOCK,
  }))
  for (let at = 0; at < inventory_levels.length; at += BATCH) {
    await createInventoryLevelsWorkflow(container).run({ input: { inventory_levels: inventory_levels.slice(at, at + BATCH) } })
  }
}

async function variantsBySku(container: any): Promise<Map<string, any>> {
  const query = container.resolve(ContainerRegistrationKeys.QUERY)
  const { data } = await query.graph({ entity: "product_variant", fields: ["id", "sku", "product_id"] })
  return new Map(data.map((variant: any) => [variant.sku, variant]))
}
