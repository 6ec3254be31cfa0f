// Every paginator of the AWS SDK for JavaScript v3 for Secrets Manager, and the errors that it has classes for.
// Prints one JSON document, which the test that runs it checks.

import { randomUUID } from "node:crypto";

import { CreateKeyCommand, DisableKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import {
  BatchGetSecretValueCommand,
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  paginateBatchGetSecretValue,
  paginateListSecrets,
  paginateListSecretVersionIds,
  PutResourcePolicyCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";

import { failureOf } from "./failure.mjs";

const client = new SecretsManagerClient({});
const kms = new KMSClient({});

/** Something of each page. */
async function pagesOf(paginator, take) {
  const found = [];
  for await (const page of paginator) {
    found.push(take(page));
  }
  return found;
}

/** Each kind of page, two to a page, of three secrets below a name and of one secret's three versions. */
async function pages(name) {
  const tokens = [];
  for (const number of [1, 2, 3]) {
    await client.send(new CreateSecretCommand({ Name: `${name}/${number}`, SecretString: `${number}` }));
    const put = new PutSecretValueCommand({ SecretId: `${name}/1`, SecretString: `${number}`, VersionStages: [`${number}`] });
    tokens.push((await client.send(put)).VersionId);
  }
  const [config, Filters] = [{ client, pageSize: 2 }, [{ Key: "name", Values: [`${name}/`] }]];
  const versions = await pagesOf(paginateListSecretVersionIds(config, { SecretId: `${name}/1` }), (page) => page.Versions);
  const batch = await client.send(new BatchGetSecretValueCommand({ SecretIdList: [`${name}/2`, `${name}/none`] }));
  return {
    secrets: await pagesOf(paginateListSecrets(config, { Filters }), (page) => page.SecretList.map((it) => it.Name)),
    values: await pagesOf(paginateBatchGetSecretValue(config, { Filters }), (page) =>
      page.SecretValues.map((it) => [it.Name, it.SecretString]),
    ),
    versions: versions.map((page) => page.length),
    allVersions: tokens.every((token) => versions.flat().some((version) => version.VersionId === token)),
    batch: batch.SecretValues.map((it) => [it.Name, it.SecretString]),
    batchErrors: batch.Errors.map((it) => [it.SecretId, it.ErrorCode]),
  };
}

/** A policy that lets a principal read. */
function policyFor(Principal) {
  const statement = { Effect: "Allow", Principal, Action: "secretsmanager:GetSecretValue", Resource: "*" };
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
}

/** Each error by what it is about. */
async function errors(name) {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  await client.send(new CreateSecretCommand({ Name: name, SecretString: "value", KmsKeyId: KeyMetadata.KeyId }));
  const read = () => failureOf(client.send(new GetSecretValueCommand({ SecretId: name })));
  const put = () => failureOf(client.send(new PutSecretValueCommand({ SecretId: name, SecretString: "other" })));
  const setPolicy = (ResourcePolicy) =>
    failureOf(client.send(new PutResourcePolicyCommand({ SecretId: name, ResourcePolicy, BlockPublicPolicy: true })));
  const both = { SecretId: name, ForceDeleteWithoutRecovery: true, RecoveryWindowInDays: 7 };
  const found = {
    exists: await failureOf(client.send(new CreateSecretCommand({ Name: name, SecretString: "other" }))),
    parameter: await failureOf(client.send(new DeleteSecretCommand(both))),
    validation: await failureOf(client.send(new CreateSecretCommand({ Name: "no spaces please" }))),
    nextToken: await failureOf(client.send(new ListSecretsCommand({ NextToken: "forged" }))),
    malformedPolicy: await setPolicy("no policy at all"),
    publicPolicy: await setPolicy(policyFor("*")),
  };
  await kms.send(new DisableKeyCommand({ KeyId: KeyMetadata.KeyId }));
  found.decryption = await read();
  found.encryption = await put();
  await client.send(new DeleteSecretCommand({ SecretId: name }));
  found.request = await read();
  await client.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }));
  found.missing = await read();
  return found;
}

const name = `javascript-${randomUUID()}`;
console.log(JSON.stringify({ name, pages: await pages(name), errors: await errors(name) }));
