// Google's Node client for Cloud Storage: node node_cloud_storage.cjs URL
'use strict';
const {Storage} = require('@google-cloud/storage');

async function main() {
  const storage = new Storage({apiEndpoint: process.argv[2], projectId: 'p', retryOptions: {autoRetry: false}});
  const [bucket] = await storage.createBucket('node-bucket', {location: 'EU'});
  const found = {location: bucket.metadata.location};
  const small = bucket.file('in/small.txt');
  await small.save('some text', {resumable: false, metadata: {contentType: 'text/plain', metadata: {colour: 'green'}}});
  const large = Buffer.alloc(700 * 1024, 7);
  await bucket.file('in/large.bin').save(large, {resumable: true});
  found.text = (await small.download())[0].toString();
  found.part = (await small.download({start: 5, end: 8}))[0].toString();
  found.large = (await bucket.file('in/large.bin').download())[0].equals(large);
  const [metadata] = await small.getMetadata();
  found.colour = metadata.metadata.colour;
  const [files] = await bucket.getFiles({prefix: 'in/'});
  found.names = files.map(f => f.name);
  await small.copy(bucket.file('out/copy.txt'));
  await bucket.combine(['in/small.txt', 'out/copy.txt'], 'out/both.txt');
  found.both = (await bucket.file('out/both.txt').download())[0].toString();
  await small.makePublic();
  const [acl] = await small.acl.get();
  found.readers = acl.filter(a => a.entity === 'allUsers').map(a => a.role);
  const [missing] = await bucket.file('nothing').exists();
  found.missing = missing;
  try {
    await small.save('again', {resumable: false, preconditionOpts: {ifGenerationMatch: 0}});
  } catch (error) {
    found.refused = error.code;
  }
  await bucket.deleteFiles();
  await bucket.delete();
  console.log(JSON.stringify(found));
}

main().catch(error => { console.error(error); process.exit(1); });
