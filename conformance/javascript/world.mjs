// What the Go test made for the suite: a running service, bearers, evidence,
// keys. The environment variable AZATTEST_WORLD names a JSON file that says
// where they are.
import { readFileSync } from "node:fs";

const name = process.env.AZATTEST_WORLD;
if (!name) {
  throw new Error("AZATTEST_WORLD names no file: run `make conformance`, which makes one");
}

const said = JSON.parse(readFileSync(name, "utf8"));
const text = (file) => readFileSync(file, "utf8");
const each = (object, f) => Object.fromEntries(Object.entries(object).map(([k, v]) => [k, f(v)]));

export const { endpoints } = said;
export const bearers = each(said.bearers, (file) => text(file).trim());
export const evidence = each(said.evidence, (files) => each(files, (file) => readFileSync(file)));
export const keys = each(said.keys, (files) => each(files, text));
