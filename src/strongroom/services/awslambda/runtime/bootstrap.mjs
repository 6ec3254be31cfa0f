// Runs a Node.js handler: the program inside the sandbox.
//
// It speaks the Lambda Runtime API and needs nothing but Node.js from version 18 on. What a handler sees is Lambda's own
// behaviour ("Define Lambda function handler in Node.js", "Using the Lambda context object to retrieve Node.js function
// information", "Log and monitor Node.js Lambda functions"): the event from JSON, the context object, a console whose
// lines carry the request id, a promise or a callback as the answer, and error documents with type, message and trace.

import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";
import util from "node:util";

const RESPONSE_LIMIT = 6 * 1024 * 1024 + 100;
const EXTENSIONS = ["", ".js", ".mjs", ".cjs"];
const environment = process.env;

/** The id of the invocation that runs, for the log. */
let currentRequest = "";

/** The Runtime API, over one kept connection. */
class RuntimeClient {
  constructor(address) {
    const slash = address.indexOf("/");
    [this.host, this.port] = address.slice(0, slash).split(":");
    this.prefix = `${address.slice(slash)}/2018-06-01/runtime/`;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  }

  next() {
    return this.exchange("GET", "invocation/next");
  }

  respond(requestId, document) {
    return this.exchange("POST", `invocation/${requestId}/response`, document);
  }

  fail(requestId, error) {
    return this.exchange("POST", `invocation/${requestId}/error`, JSON.stringify(errorDocument(error)));
  }

  cannotStart(error) {
    return this.exchange("POST", "init/error", JSON.stringify(errorDocument(error)));
  }

  exchange(method, resource, body) {
    return new Promise((resolve, reject) => {
      const options = {
        agent: this.agent,
        host: this.host,
        port: this.port,
        method,
        path: this.prefix + resource,
        headers: body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
      };
      const request = http.request(options, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end(body);
    });
  }
}

/** An error that has a name of Lambda's own. */
class RuntimeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
    this.stack = "";
  }
}

/** An error as Lambda reports it. */
function errorDocument(error) {
  if (!(error instanceof Error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  const trace = (error.stack ?? "").split("\n").filter((line) => line !== "");
  return { errorType: error.name, errorMessage: error.message, trace };
}

/** Print an error to the log stream. */
function report(kind, error) {
  print("ERROR", [kind, JSON.stringify({ ...errorDocument(error) })]);
}

function print(level, values) {
  const text = util.format(...values).replaceAll("\n", "\r");
  process.stdout.write(`${new Date().toISOString()}\t${currentRequest || "undefined"}\t${level}\t${text}\n`);
}

/** Let the console write Lambda's lines. */
function setUpConsole() {
  const levels = { debug: "DEBUG", error: "ERROR", info: "INFO", log: "INFO", trace: "TRACE", warn: "WARN" };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...values) => print(level, values);
  }
}

/** Import `folder/module.name`, where the name may lead through objects: `module.object.method`. */
async function loadHandler(wanted) {
  const folder = path.dirname(wanted);
  const [module, ...names] = path.basename(wanted).split(".");
  if (names.length === 0) {
    throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  }
  const file = findModule(path.resolve(environment.LAMBDA_TASK_ROOT, folder, module));
  if (file === undefined) {
    throw new RuntimeError("Runtime.ImportModuleError", `Error: Cannot find module '${module}'`);
  }
  const found = await importModule(file);
  const handler = follow(found, names) ?? follow(found.default, names);
  if (typeof handler !== "function") {
    const problem = handler === undefined ? "is undefined or not exported" : "is not a function";
    throw new RuntimeError("Runtime.HandlerNotFound", `${wanted} ${problem}`);
  }
  return handler;
}

function findModule(place) {
  return EXTENSIONS.map((extension) => place + extension).find(
    (file) => fs.existsSync(file) && fs.statSync(file).isFile(),
  );
}

async function importModule(file) {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RuntimeError("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`);
    }
    if (["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"].includes(error?.code)) {
      throw new RuntimeError("Runtime.ImportModuleError", `Error: ${error.message}`);
    }
    throw error;
  }
}

function follow(start, names) {
  return names.reduce((place, name) => place?.[name], start);
}

/** The second argument of a handler; `settle` ends the invocation. */
function makeContext(headers, settle) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const client = headers["lambda-runtime-client-context"];
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    identity: undefined,
    clientContext: client === undefined ? undefined : JSON.parse(client),
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done: (error, result) => settle(error, result),
    fail: (error) => settle(error ?? new Error("handled")),
    succeed: (result) => settle(null, result),
  };
}

/** Run the handler once; the promise is its answer. A callback waits for what the handler began, unless told not to. */
function invoke(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const finish = (error, result) => (error === null || error === undefined ? resolve(result) : reject(error));
    const context = makeContext(headers, finish);
    const callback = (error, result) => {
      if (context.callbackWaitsForEmptyEventLoop) {
        process.removeAllListeners("beforeExit");
        process.once("beforeExit", () => finish(error, result));
      } else {
        finish(error, result);
      }
    };
    let answer;
    try {
      answer = handler(event, context, callback);
    } catch (error) {
      reject(error);
      return;
    }
    if (typeof answer?.then === "function") {
      answer.then(resolve, reject);
    } else if (process.listenerCount("beforeExit") === 0) {
      process.once("beforeExit", () => resolve(null)); // it returned, and nothing that it began is left to call back
    }
  });
}

/** The document that an answer is sent as. */
function encoded(answer) {
  let document;
  try {
    document = JSON.stringify(answer === undefined ? null : answer) ?? "null";
  } catch (error) {
    throw new RuntimeError("Runtime.MarshalError", `Unable to stringify response body: ${error.message}`);
  }
  const size = Buffer.byteLength(document);
  if (size > RESPONSE_LIMIT) {
    const text = `Response payload size exceeded maximum allowed payload size (${RESPONSE_LIMIT} bytes).`;
    throw new RuntimeError("Function.ResponseSizeTooLarge", text);
  }
  return document;
}

/** Take one invocation after the other. */
async function serve(client, handler) {
  for (;;) {
    const { headers, body } = await client.next();
    currentRequest = headers["lambda-runtime-aws-request-id"];
    environment._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
    try {
      const document = encoded(await invoke(handler, JSON.parse(body), headers));
      process.removeAllListeners("beforeExit");
      await client.respond(currentRequest, document);
    } catch (error) {
      process.removeAllListeners("beforeExit");
      report("Invoke Error ", error);
      await client.fail(currentRequest, error);
    }
  }
}

/** What nobody catches ends the process, after the invocation has been told. */
function reportStrays(client) {
  const end = async (kind, error) => {
    report(`${kind} `, error);
    await client.fail(currentRequest, error);
    process.exit(1);
  };
  process.on("uncaughtException", (error) => end("Uncaught Exception", error));
  process.on("unhandledRejection", (reason) => {
    const text = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
    end("Unhandled Promise Rejection", new RuntimeError("Runtime.UnhandledPromiseRejection", text));
  });
}

setUpConsole();
const client = new RuntimeClient(environment.AWS_LAMBDA_RUNTIME_API);
let handler;
try {
  handler = await loadHandler(environment._HANDLER);
} catch (error) {
  report("Uncaught Exception", error);
  await client.cannotStart(error);
  process.exit(1);
}
reportStrays(client);
await serve(client, handler);
