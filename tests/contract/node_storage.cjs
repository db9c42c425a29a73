'use strict';
// Google's Node storage client against a simulator: writes, then reads back, and prints what came of it as
// JSON. Arguments: gRPC port, project. Table `t` of dataset `d` has the columns id INT64 and name STRING,
// `every` one of each type; `k` has the primary key id.

const grpc = require('@grpc/grpc-js');
const {adapt, managedwriter, reader, BigQueryReadClient} = require('@google-cloud/bigquery-storage');

const [port, project] = process.argv.slice(2);
const options = {
  apiEndpoint: '127.0.0.1',
  port: Number(port),
  sslCreds: grpc.credentials.createInsecure(),
  projectId: project,
};
const path = table => `projects/${project}/datasets/d/tables/${table}`;
const PERSON = {
  fields: [
    {name: 'id', type: 'INTEGER', mode: 'REQUIRED'},
    {name: 'name', type: 'STRING'},
  ],
};

function descriptorOf(schema, ...more) {
  const storage = adapt.convertBigQuerySchemaToStorageTableSchema(schema);
  return adapt.convertStorageSchemaToProto2Descriptor(storage, 'root', ...more);
}

async function connected(writer, table, streamType, protoDescriptor) {
  const connection = await writer.createStreamConnection(
    streamType === undefined
      ? {streamId: managedwriter.DefaultStream, destinationTable: path(table)}
      : {streamType, destinationTable: path(table)}
  );
  return {connection, rows: new managedwriter.JSONWriter({connection, protoDescriptor})};
}

const offsetOf = result => (result.appendResult.offset ? Number(result.appendResult.offset.value) : null);

async function defaultStream(writer) {
  const {connection, rows} = await connected(writer, 't', undefined, descriptorOf(PERSON));
  const writes = [];
  for (let i = 0; i < 50; i++) writes.push(rows.appendRows([{id: i, name: `n${i}`}]));
  const results = await Promise.all(writes.map(w => w.getResult()));
  const refused = await rows.appendRows([{id: 1, name: 'x'}], 7).getResult();
  const stream = connection.getStreamId();
  connection.close();
  return {appended: results.length, offsets: results.map(offsetOf), stream, refused: refused.error.code};
}

async function pendingStream(writer) {
  const type = managedwriter.PendingStream;
  const {connection, rows} = await connected(writer, 't', type, descriptorOf(PERSON));
  const first = rows.appendRows([{id: 100, name: 'a'}, {id: 101}], 0);
  const second = rows.appendRows([{id: 102, name: 'c'}], 2);
  const offsets = [offsetOf(await first.getResult()), offsetOf(await second.getResult())];
  const again = await rows.appendRows([{id: 102, name: 'c'}], 2).getResult();
  const finalized = await connection.finalize();
  connection.close();
  const committed = await writer.batchCommitWriteStream({
    parent: path('t'),
    writeStreams: [connection.getStreamId()],
  });
  return {
    offsets,
    again: again.error.code,
    rowCount: Number(finalized.rowCount),
    committed: Boolean(committed.commitTime),
    errors: committed.streamErrors.length,
  };
}

async function bufferedStream(writer) {
  const type = managedwriter.BufferedStream;
  const {connection, rows} = await connected(writer, 't', type, descriptorOf(PERSON));
  await rows.appendRows([{id: 200, name: 'a'}, {id: 201, name: 'b'}], 0).getResult();
  const flushed = await connection.flushRows({offset: 1});
  connection.close();
  return {flushed: Number(flushed.offset)};
}

async function everyType(writer, schema) {
  const stream = await writer.getWriteStream({streamId: `${path('every')}/streams/_default`, view: 'FULL'});
  const descriptor = adapt.convertStorageSchemaToProto2Descriptor(stream.tableSchema, 'root');
  const {connection, rows} = await connected(writer, 'every', undefined, descriptor);
  const row = {
    i: 9007199254740991,
    f: 1.5,
    b: true,
    s: 'ünïcode',
    y: Buffer.from([0, 255]),
    d: new Date('2024-02-29T00:00:00Z'),
    t: '12:34:56.789',
    dt: '2024-02-29T12:34:56.789012',
    ts: new Date('2024-02-29T12:34:56.789Z'),
    n: '12345678901234567890.123456789',
    bn: '1.00000000000000000000000000000000000001',
    j: JSON.stringify({a: [1, null]}),
    g: 'POINT(1 2)',
    r: {start: new Date('2024-01-01T00:00:00Z')},
    l: [1, 2, 3],
    st: {x: 1, y: [{z: 'deep'}]},
  };
  const result = await rows.appendRows([row, {}]).getResult();
  connection.close();
  const errors = (result.rowErrors || []).map(e => e.message);
  return {fields: stream.tableSchema.fields.length, error: result.error ? result.error.message : null, errors};
}

async function changes(writer) {
  const descriptor = descriptorOf(PERSON, adapt.withChangeType(), adapt.withChangeSequenceNumber());
  const {connection, rows} = await connected(writer, 'k', undefined, descriptor);
  const write = (id, name, type, number) =>
    rows.appendRows([{id, name, _CHANGE_TYPE: type, _CHANGE_SEQUENCE_NUMBER: number}]).getResult();
  const results = [
    await write(1, 'one', 'UPSERT', '1'),
    await write(2, 'two', 'UPSERT', '1'),
    await write(1, 'uno', 'UPSERT', '2'),
    await write(1, 'late', 'UPSERT', '1/FF'),
    await write(2, null, 'DELETE', '2'),
  ];
  connection.close();
  return results.map(r => (r.error ? r.error.message : null));
}

async function badRows(writer) {
  const schema = {fields: [{name: 'id', type: 'INTEGER'}, {name: 'name', type: 'STRING'}]};
  const {connection, rows} = await connected(writer, 't', undefined, descriptorOf(schema));
  const result = await rows.appendRows([{id: 1, name: 'x'}, {name: 'no id'}]).getResult();
  connection.close();
  return {code: result.error.code, rows: result.rowErrors.map(e => Number(e.index))};
}

async function arrowRead() {
  const client = new reader.ReadClient(options);
  const arrow = await client.createArrowTableReader({
    table: {projectId: project, datasetId: 'd', tableId: 't'},
  });
  const ids = [];
  const batches = await arrow.getRecordBatchStream();
  for await (const batch of batches) {
    for (const row of batch) ids.push(Number(row.id));
  }
  arrow.close();
  const table = await client.createTableReader({table: {projectId: project, datasetId: 'd', tableId: 't'}});
  const [rows] = await table.getRows();
  table.close();
  client.close();
  return {arrow: ids.sort((a, b) => a - b), rows: rows.length};
}

async function rawRead() {
  const client = new BigQueryReadClient(options);
  const [session] = await client.createReadSession({
    parent: `projects/${project}`,
    readSession: {
      table: path('t'),
      dataFormat: 'AVRO',
      readOptions: {selectedFields: ['id'], rowRestriction: 'id >= 100'},
    },
    maxStreamCount: 1,
  });
  let count = 0;
  const stream = client.readRows({readStream: session.streams[0].name, offset: 0});
  for await (const response of stream) count += Number(response.rowCount);
  await client.close();
  return {schema: JSON.parse(session.avroSchema.schema).fields.map(f => f.name), count};
}

async function main() {
  const writer = new managedwriter.WriterClient(options);
  const found = {
    default: await defaultStream(writer),
    pending: await pendingStream(writer),
    buffered: await bufferedStream(writer),
    every: await everyType(writer),
    changes: await changes(writer),
    bad: await badRows(writer),
    arrow: await arrowRead(),
    raw: await rawRead(),
  };
  writer.close();
  console.log(JSON.stringify(found));
}

main().then(
  () => process.exit(0),
  error => {
    console.error(error);
    process.exit(1);
  }
);
