// The main operations with the AWS SDK for JavaScript v3, configured by nothing but the environment.
// Prints one JSON document, which the test that runs it checks.

import { randomUUID } from "node:crypto";

import { CreateKeyCommand, DecryptCommand, EncryptCommand, KMSClient } from "@aws-sdk/client-kms";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  paginateListSecrets,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

import { failureOf } from "./failure.mjs";

const secrets = new SecretsManagerClient({});
const kms = new KMSClient({});
const sts = new STSClient({});

const Name = `javascript-${randomUUID()}`;
const found = { name: Name };

const made = await secrets.send(
  new CreateSecretCommand({ Name, SecretString: "first", Tags: [{ Key: "from", Value: "javascript" }] }),
);
found.arn = made.ARN;
found.first = (await secrets.send(new GetSecretValueCommand({ SecretId: Name }))).SecretString;

const bytes = new Uint8Array([0, 255, 7]);
const put = await secrets.send(new PutSecretValueCommand({ SecretId: made.ARN, SecretBinary: bytes }));
const second = await secrets.send(new GetSecretValueCommand({ SecretId: Name, VersionId: put.VersionId }));
found.second = Array.from(second.SecretBinary);
found.createdIsADate = second.CreatedDate instanceof Date;

const described = await secrets.send(new DescribeSecretCommand({ SecretId: Name }));
found.stages = [described.VersionIdsToStages[made.VersionId], described.VersionIdsToStages[put.VersionId]];
found.tags = described.Tags;

for (const number of [1, 2, 3]) {
  await secrets.send(new CreateSecretCommand({ Name: `${Name}/${number}`, SecretString: "x" }));
}
found.listed = [];
const filters = [{ Key: "name", Values: [`${Name}/`] }];
for await (const page of paginateListSecrets({ client: secrets, pageSize: 2 }, { Filters: filters })) {
  found.listed.push(page.SecretList.map((secret) => secret.Name));
}

await secrets.send(new DeleteSecretCommand({ SecretId: Name, ForceDeleteWithoutRecovery: true }));
found.afterDeletion = await failureOf(secrets.send(new GetSecretValueCommand({ SecretId: Name })));

const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
const context = { EncryptionContext: { purpose: "test" } };
const sealed = await kms.send(
  new EncryptCommand({ KeyId: KeyMetadata.KeyId, Plaintext: Buffer.from("some bytes"), ...context }),
);
const opened = await kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob, ...context }));
found.opened = Buffer.from(opened.Plaintext).toString();
found.wrongContext = await failureOf(kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob })));

const identity = await sts.send(new GetCallerIdentityCommand({}));
found.identity = { account: identity.Account, arn: identity.Arn };

const stranger = new SecretsManagerClient({
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "x".repeat(40) },
});
found.stranger = await failureOf(stranger.send(new GetSecretValueCommand({ SecretId: `${Name}/1` })));

console.log(JSON.stringify(found));
