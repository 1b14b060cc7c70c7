// SPDX-License-Identifier: BSD-2-Clause
//
// Compares verdicts: reads what t/root/unit/shape_peer.c wrote, validates
// every document with ajv against the schemas, every text with the pattern
// of its format, and speaks TAP about where the two of us differ.
//
//     node schema.js <where the packages are> <file>

'use strict';

const fs = require('fs');
const { createRequire } = require('module');

const need = createRequire(fs.realpathSync(process.argv[2]) + '/x.js');
const Ajv = need('ajv/dist/2020');
const formats = need('ajv-formats');

const lines = fs.readFileSync(process.argv[3], 'utf8').trimEnd().split('\n');
const seen = { documents: [0, 0], texts: [0, 0] };
const differ = [];
let tests = 0;

function ok(good, name) {
    console.log(`${good ? '' : 'not '}ok ${++tests} - ${name}`);
}

const root = JSON.parse(lines.shift());
const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false,
                      allErrors: true, validateFormats: true });

formats(ajv);
ajv.addKeyword('components');
ajv.addSchema({ $id: 'pando:document', ...root });

const checks = new Map();

function check(ref) {
    if (!checks.has(ref)) {
        checks.set(ref, ajv.compile({ $ref: `pando:document${ref}` }));
    }

    return checks.get(ref);
}

let compiled = 0;

for (const name of Object.keys(root.components.schemas)) {
    const schema = root.components.schemas[name];

    if (ajv.validateSchema(schema) && check(`#/components/schemas/${name}`)) {
        compiled++;
    }
}

ok(compiled === Object.keys(root.components.schemas).length,
   `all ${compiled} schemas are JSON Schema 2020-12`);

for (const line of lines) {
    const { schema, format, pattern, ours, why, document, text } =
        JSON.parse(line);
    let theirs, errors = null;

    if (schema) {
        const valid = check(schema.$ref);
        theirs = valid(document);
        errors = valid.errors;
        seen.documents[+ours]++;
    } else {
        theirs = new RegExp(pattern, 'u').test(text);
        seen.texts[+ours]++;

        // The pattern of a currency does not list them all.
        if (format === 'currency' && theirs && !ours) {
            continue;
        }
    }

    if (theirs !== ours) {
        differ.push({ line, errors });
    }
}

for (const { line, errors } of differ.slice(0, 10)) {
    console.log(`# ${line}\n# ${JSON.stringify(errors)}`);
}

ok(differ.length === 0, 'both say the same');

for (const [what, [no, yes]] of Object.entries(seen)) {
    ok(no >= 250 && yes >= 250, `of ${what} ${yes} are right, ${no} wrong`);
}

console.log(`1..${tests}`);
process.exit(differ.length ? 1 : 0);
