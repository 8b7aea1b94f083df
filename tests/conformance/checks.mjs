// What the Node suites share: run every check, print `ok NAME` or `FAIL NAME: why`, count hits at the vendor.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

// The SDKs are installed outside of the repository.
export const load = createRequire(`${process.env.WEIR_CONFORMANCE_MODULES}/package.json`);
export const URL = process.env.WEIR_URL;
export const TLS_URL = process.env.WEIR_TLS_URL;

const checks = [];

export function check(name, run) {
  checks.push([name, run]);
}

export async function run() {
  for (const [name, body] of checks) {
    try {
      await body();
      console.log(`ok   ${name}`);
    } catch (error) {
      const where = String(error?.stack).match(/_node\.mjs:(\d+)/)?.[1];
      console.log(`FAIL ${name}: ${error?.name}: ${String(error?.message).slice(0, 300)} at line ${where}`);
    }
  }
  console.log("end");
  process.exit(0);
}

export function same(got, want) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
  if (a !== b) throw new Error(`${a} is not ${b}`);
}

export function holds(truth, what) {
  if (!truth) throw new Error(what);
}

/** The error of this kind that the promise is rejected with. */
export async function rejects(kind, promise) {
  try {
    await promise;
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error(`no ${kind.name} was thrown`);
}

export async function stats() {
  return await (await fetch(`${process.env.WEIR_SIM_URL}/sim/stats`)).json();
}

/** How often the vendor answered by a rule. */
export async function hits(rule) {
  return (await stats()).rules.find((r) => r.name === rule).hits;
}

/** A `fetch` that speaks HTTP/2 where the server does, and counts what was spoken. */
export function fetchOverHttp2() {
  const { Agent, fetch } = load("undici");
  const dispatcher = new Agent({ allowH2: true, connect: { ca: readFileSync(process.env.WEIR_CA) } });
  return (url, init) => fetch(url, { ...init, dispatcher });
}
