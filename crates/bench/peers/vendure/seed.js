// Fills an empty database with the bench's catalogue (CATALOGUE, one product a line) and writes what the load needs to
// know to OUT. Everything goes through Vendure's own services.
'use strict';

const fs = require('node:fs');
const {
  bootstrap, ChannelService, ConfigService, CurrencyCode, DefaultSearchPlugin, FacetService, FacetValueService,
  FastImporterService, JobQueueService, LanguageCode, mergeConfig, Populator, RequestContextService, SearchService,
  TaxCategoryService,
} = require('@vendure/core');
const { config } = require('./config');

const AT_ONCE = 8; // products under way; more than this only queues in node
const STOCK = 1_000_000;
const HOT_STOCK = Number(process.env.HOT_STOCK ?? 100);
const en = fields => [{ languageCode: LanguageCode.en, ...fields }];

const SHOP = {
  defaultLanguage: LanguageCode.en,
  defaultZone: 'Europe',
  countries: [['GB', 'United Kingdom'], ['DE', 'Germany'], ['AT', 'Austria']].map(([code, name]) => ({ code, name, zone: 'Europe' })),
  taxRates: [{ name: 'standard', percentage: 20 }],
  shippingMethods: [{ name: 'standard', price: 500, taxRate: 20 }],
  paymentMethods: [{
    name: 'dummy',
    handler: { code: 'dummy-payment-handler', arguments: [{ name: 'automaticSettle', value: 'true' }] },
  }],
  collections: [],
};

async function seed() {
  const lines = fs.readFileSync(process.env.CATALOGUE, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line));
  const products = lines.filter(line => (line.kind ?? 'product') === 'product');
  // Each new stock would be a job for the index, which is made once at the end: these jobs end with this process.
  DefaultSearchPlugin.init({ indexStockStatus: false, bufferUpdates: true });
  const app = await bootstrap(mergeConfig(config, { dbConnectionOptions: { synchronize: true } }));
  const admin = await furnish(app);
  const categories = await makeCategories(app, admin, products);
  const taxCategory = (await app.get(TaxCategoryService).findAll(admin)).items[0].id;
  const variants = await makeProducts(app, products, categories, taxCategory);
  await index(app, admin);
  fs.writeFileSync(process.env.OUT, JSON.stringify({
    slugs: products.map(product => product.slug),
    variants: variants.map(String),
    hot_variant: String(variants[products.findIndex(product => product.slug === 'hot')]),
    categories: [...categories.values()].map(String),
  }));
  await app.close();
}

/** Euros with tax in them, and the countries, taxes, shipping and payment of SHOP. */
async function furnish(app) {
  const channels = app.get(ChannelService);
  const contexts = app.get(RequestContextService);
  const { id } = await channels.getDefaultChannel();
  await channels.update(await contexts.create({ apiType: 'admin' }), {
    id,
    availableCurrencyCodes: [CurrencyCode.EUR],
    defaultCurrencyCode: CurrencyCode.EUR,
    pricesIncludeTax: true,
  });
  await app.get(Populator).populateInitialData(SHOP);
  return contexts.create({ apiType: 'admin' });
}

/** A category is a value of the facet `category`, which is what Vendure's search filters by. Map of name to id. */
async function makeCategories(app, admin, products) {
  const facet = await app.get(FacetService).create(admin, { code: 'category', isPrivate: false, translations: en({ name: 'category' }) });
  const categories = new Map();
  for (const name of new Set(products.flatMap(product => product.categories))) {
    const value = await app.get(FacetValueService).create(admin, facet, { code: name, translations: en({ name }) });
    categories.set(name, value.id);
  }
  return categories;
}

/** Answers the variants' ids in the order of the products. */
async function makeProducts(app, products, categories, taxCategoryId) {
  const importer = app.get(FastImporterService);
  await importer.initialize();
  const variants = new Array(products.length);
  let next = 0;
  const importNext = async () => {
    while (next < products.length) {
      const at = next++;
      const { slug, title, description, categories: names, variants: [variant] } = products[at];
      const facetValueIds = names.map(name => categories.get(name));
      const productId = await importer.createProduct({ enabled: true, facetValueIds, translations: en({ slug, name: title, description }) });
      variants[at] = await importer.createProductVariant({
        productId,
        sku: variant.sku,
        price: variant.prices[0].amount,
        taxCategoryId,
        trackInventory: 'TRUE',
        stockOnHand: slug === 'hot' ? HOT_STOCK : STOCK,
        translations: en({ name: title }),
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, importNext));
  return variants;
}

/** Runs the one job that somebody has to wait for: the search's index of everything. */
async function index(app, admin) {
  await app.get(JobQueueService).start();
  const job = await app.get(SearchService).reindex(admin);
  const { jobQueueStrategy } = app.get(ConfigService).jobQueueOptions;
  for (;;) {
    const { isSettled, state, error } = await jobQueueStrategy.findOne(job.id);
    if (state === 'COMPLETED') return;
    if (isSettled) throw new Error(`the search was not indexed: ${state} ${error}`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

seed().then(() => process.exit(0), error => {
  console.error(error);
  process.exit(1);
});
