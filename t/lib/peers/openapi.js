// SPDX-License-Identifier: BSD-2-Clause
//
// The document as others read it: its schemas are JSON Schema, its examples
// are what they promise to be, its references lead somewhere.  Speaks TAP.
//
//     node openapi.js <where the packages are> <document>

'use strict';

const fs = require('fs');
const { createRequire } = require('module');

const need = createRequire(fs.realpathSync(process.argv[2]) + '/x.js');
const Ajv = need('ajv/dist/2020');
const formats = need('ajv-formats');

const root = JSON.parse(fs.readFileSync(process.argv[3], 'utf8'));
const ajv = new Ajv({ strict: false, allErrors: true });
let tests = 0;

function ok(wrong, name) {
    for (const line of wrong.slice(0, 10)) {
        console.log(`# ${line}`);
    }

    console.log(`${wrong.length ? 'not ' : ''}ok ${++tests} - ${name}`);
}

formats(ajv);
ajv.addSchema({ $id: 'pando:document', ...root });

// One JSON pointer deeper.
function below(at, name) {
    return `${at}/${String(name).replace(/~/g, '~0').replace(/\//g, '~1')}`;
}

function walk(node, at, visit) {
    if (node === null || typeof node !== 'object') {
        return;
    }

    visit(node, at);

    for (const [name, value] of Object.entries(node)) {
        if (name !== 'example' && name !== 'examples') {
            walk(value, below(at, name), visit);
        }
    }
}

function check(at, value) {
    const uri = encodeURI(at).replace(/\^/g, '%5E');
    const valid = ajv.compile({ $ref: `pando:document#${uri}` });

    return valid(value) ? []
        : valid.errors.map(e => `${at}${e.instancePath}: ${e.message}`);
}

function find(ref) {
    return ref.slice(2).split('/').reduce((node, name) =>
        node?.[decodeURIComponent(name).replace(/~1/g, '/')
                                       .replace(/~0/g, '~')], root);
}

const lost = [];
const broken = [];
const wrong = [];
let examples = 0;

walk(root, '', (node, at) => {
    if (typeof node.$ref === 'string' && find(node.$ref) === undefined) {
        lost.push(`${at}: ${node.$ref}`);
    }

    if (node.schema && 'example' in node) {
        examples++;
        wrong.push(...check(below(at, 'schema'), node.example));
    }

    if (Array.isArray(node.examples) && !node.schema) {
        for (const example of node.examples) {
            examples++;
            wrong.push(...check(at, example));
        }
    }
});

for (const [name, schema] of Object.entries(root.components.schemas)) {
    if (!ajv.validateSchema(schema)) {
        broken.push(`${name}: ${ajv.errorsText()}`);
    }
}

ok(lost, 'all references lead somewhere');
ok(broken, 'all schemas are JSON Schema 2020-12');
ok(wrong, `all ${examples} examples are right`);
ok(examples >= 20 ? [] : [`${examples} examples`], 'there are examples');

console.log(`1..${tests}`);
