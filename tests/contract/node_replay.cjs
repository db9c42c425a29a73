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
  if ('value' in value && Object.keys(value).length === 1) return value.value;
  if (value.constructor.name === 'Big') return value.toString();
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}

async function main() {
  const client = new BigQuery({
    projectId,
    apiEndpoint: endpoint,
    authClient: {getRequestHeaders: async () => new Headers(), request: async () => ({})},
  });
  client.authClient = undefined;
  const found = {};
  found.query = plain((await client.query({query: sql}))[0]);
  const [job] = await client.createQueryJob({query: sql});
  found.job = plain((await job.getQueryResults())[0]);
  found.pages = [];
  let options = {autoPaginate: false, maxResults: 37};
  while (options) {
    const [rows, next] = await job.getQueryResults(options);
    found.pages.push(...plain(rows));
    options = next;
  }
  console.log(JSON.stringify(found));
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
