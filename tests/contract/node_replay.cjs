'use strict';
// Google's Node client against a replay: reads a query's result in several ways and prints its rows as JSON.
// Arguments: REST address, project, SQL.

const {BigQuery} = require('@google-cloud/bigquery');

const [endpoint, projectId, sql] = process.argv.slice(2);

function plain(value) {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object') return value;
  if (value.constructor.name.startsWith('BigQuery')) return value.value;
  if (value.constructor.name === 'Big') return value.toString();
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}

async function pages(read, maxResults) {
  const found = [];
  let options = {autoPaginate: false, maxResults};
  while (options) {
    const [rows, next] = await read({...options, wrapIntegers: true});
    found.push(...plain(rows));
    options = next;
  }
  return found;
}

async function main() {
  const client = new BigQuery({
    projectId,
    apiEndpoint: endpoint,
    authClient: {getRequestHeaders: async () => new Headers(), request: async () => ({})},
  });
  client.authClient = undefined;
  const found = {};
  const wrapIntegers = true;
  found.query = plain((await client.query({query: sql}, {wrapIntegers}))[0]);
  const [job] = await client.createQueryJob({query: sql});
  found.job = plain((await job.getQueryResults({wrapIntegers}))[0]);
  found.pages = await pages(options => job.getQueryResults(options), 37);
  const [metadata] = await job.getMetadata();
  const {datasetId, tableId} = metadata.configuration.query.destinationTable;
  const table = client.dataset(datasetId).table(tableId);
  found.table = await pages(options => table.getRows(options), 41);
  console.log(JSON.stringify(found));
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
