# SPDX-License-Identifier: BSD-2-Clause
#
# The document as Debian's python3-jsonschema reads it: it has the form of
# OpenAPI 3.1, its schemas are JSON Schema 2020-12, its examples are what they
# promise.  And, if given, what was seen on the wire: a body that was taken is
# one that the schema takes, one refused for its shape is one that the schema
# refuses (where a schema can say why), and every answer is of its schema.
# Speaks TAP.
#
#     /usr/bin/python3 validate.py DOCUMENT [SEEN]      a JSON text a line

import datetime
import json
import re
import sys

from jsonschema import Draft202012Validator, FormatChecker, RefResolver
from jsonschema.exceptions import RefResolutionError, SchemaError
from jsonschema.validators import extend

TEXT = {"type": "string", "minLength": 1}
REF = {"type": "object", "required": ["$ref"], "properties": {"$ref": TEXT}}


def ref_or(schema):
    return {"if": {"required": ["$ref"]}, "then": REF, "else": schema}


def closed(must, /, **properties):
    return {"type": "object", "required": must.split(), "properties": properties,
            "patternProperties": {"^x-": {}}, "additionalProperties": False}


def named(schema, pattern="."):
    return {"type": "object", "patternProperties": {pattern: schema},
            "additionalProperties": False}


def listed(schema):
    return {"type": "array", "items": schema, "uniqueItems": True}


SCHEMA = {"type": ["object", "boolean"]}
CONTENT = named(closed("schema", schema=SCHEMA, example={}, examples={"type": "object"}),
                r"^[\w.+-]+/[\w.+-]+$")
HEADER = closed("schema", description=TEXT, required={"type": "boolean"}, schema=SCHEMA)
PARAMETER = {**closed("name in schema", name=TEXT, description=TEXT, schema=SCHEMA,
                      required={"type": "boolean"}, example={}, deprecated={"type": "boolean"},
                      **{"in": {"enum": ["path", "query", "header"]}}),
             "if": {"properties": {"in": {"const": "path"}}},
             "then": {"required": ["required"], "properties": {"required": {"const": True}}}}
RESPONSE = closed("description", description=TEXT, headers=named(ref_or(HEADER)), content=CONTENT)
OPERATION = closed("operationId summary responses tags security", tags=listed(TEXT), summary=TEXT,
                   description=TEXT, operationId=TEXT, deprecated={"type": "boolean"},
                   parameters=listed(ref_or(PARAMETER)), security=listed(named(listed(TEXT))),
                   requestBody=closed("content", required={"type": "boolean"}, content=CONTENT),
                   responses={**named(ref_or(RESPONSE), "^[1-5][0-9][0-9]$"), "minProperties": 1})
DOCUMENT = closed(
    "openapi info paths components", openapi={"const": "3.1.0"},
    info=closed("title version license", title=TEXT, version=TEXT, description=TEXT,
                license=closed("name", name=TEXT, identifier=TEXT)),
    servers=listed(closed("url", url=TEXT)),
    tags=listed(closed("name description", name=TEXT, description=TEXT)),
    paths=named(named(OPERATION, "^(get|put|post|delete|patch)$"), "^/"),
    components=closed("schemas", schemas=named(SCHEMA, r"^[\w.-]+$"),
                      responses=named(RESPONSE, r"^[\w.-]+$"),
                      parameters=named(PARAMETER, r"^[\w.-]+$"),
                      headers=named(HEADER, r"^[\w.-]+$"),
                      securitySchemes=named(closed("type scheme", type={"const": "http"},
                                                   scheme={"const": "bearer"}, bearerFormat=TEXT,
                                                   description=TEXT))))

formats = FormatChecker()


@formats.checks("date-time")
def date_time(value):
    if not isinstance(value, str):
        return True
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", value):
        return False
    try:
        return bool(datetime.datetime.fromisoformat(value.upper()[:19]))
    except ValueError:
        return False


# An integer is written as one.
def is_integer(checker, value):
    return isinstance(value, int) and not isinstance(value, bool)


Validator = extend(Draft202012Validator, type_checker=
                   Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer))

root = json.load(open(sys.argv[1], encoding="utf-8"))
resolver = RefResolver("", root)
validators = {}
tests = 0


def ok(wrong, name):
    global tests
    tests += 1
    for line in wrong[:10]:
        print("# " + line[:400].replace("\n", " "))
    print(f"{'not ' if wrong else ''}ok {tests} - {name}")


def errors(schema, value):
    if id(schema) not in validators:
        validators[id(schema)] = Validator(schema, resolver=resolver, format_checker=formats)
    validator = validators[id(schema)]
    return [f"/{'/'.join(map(str, e.absolute_path))}: {e.message}"
            for e in validator.iter_errors(value)]


def walk(node, at=""):
    if isinstance(node, dict):
        yield at, node
        for name, value in node.items():
            if name not in ("example", "examples", "enum", "const", "default"):
                yield from walk(value, f"{at}/{name}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from walk(value, f"{at}/{i}")


def follow(node):
    while isinstance(node, dict) and "$ref" in node:
        node = resolver.resolve(node["$ref"])[1]
    return node


def document():
    ok(errors(DOCUMENT, root), "it has the form of OpenAPI 3.1")
    lost, broken, wrong, examples = [], [], [], []
    schemas = [(f"/components/schemas/{name}", schema)
               for name, schema in root["components"]["schemas"].items()]

    for at, node in walk(root):
        if isinstance(node.get("$ref"), str):
            try:
                follow(node)
            except RefResolutionError as error:
                lost.append(f"{at}: {error}")
        if isinstance(node.get("schema"), dict):
            schemas.append((f"{at}/schema", node["schema"]))
            if "example" in node:
                examples.append((at, node["schema"], node["example"]))
        if isinstance(node.get("examples"), list):
            examples += [(at, node, example) for example in node["examples"]]
        if "default" in node and "type" in node:
            examples.append((f"{at}/default", node, node["default"]))

    for at, schema in schemas:
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            broken.append(f"{at}: {error.message}")

    if not lost and not broken:
        wrong = [at + e for at, schema, value in examples for e in errors(schema, value)]

    ok(lost, "its references lead somewhere")
    ok(broken, f"its {len(schemas)} schemas are JSON Schema 2020-12")
    ok(wrong, f"its {len(examples)} examples and defaults are of their schemas")
    ok(operations(), "its operations hold together")


def operations():
    wrong, ids = [], set()
    tags = {tag["name"] for tag in root["tags"]}
    schemes = root["components"]["securitySchemes"]

    for path, methods in root["paths"].items():
        for method, op in methods.items():
            at = f"{method} {path}: "
            params = [follow(p) for p in op.get("parameters", [])]
            names = [(p["in"], p["name"]) for p in params]
            if op["operationId"] in ids:
                wrong.append(at + "its id comes twice")
            if len(names) != len(set(names)):
                wrong.append(at + "a parameter comes twice")
            if set(re.findall(r"\{(\w+)\}", path)) != {n for i, n in names if i == "path"}:
                wrong.append(at + "its path has other parameters")
            wrong += [at + f"no tag {t}" for t in op["tags"] if t not in tags]
            wrong += [at + f"no scheme {s}" for r in op["security"] for s in r if s not in schemes]
            wrong += [at + f"no example of {t}"
                      for t, media in op.get("requestBody", {}).get("content", {}).items()
                      if "example" not in media]
            ids.add(op["operationId"])

    return wrong


# What a schema can know of a refusal: of the body, not of how a text is written,
# and not of a member that is free for all that it says.
def can_tell(schema, error):
    pointer, code = error["pointer"], error["code"]

    if pointer.startswith("?") or code == "bad_format":
        return False
    member = follow(schema).get("properties", {}).get((pointer + "/").split("/")[1])
    return member is None or not {"object", "array"} <= set(member.get("type", []))


def seen(path):
    taken, refused, answered = [], [], []
    once = set()
    n = {"taken": 0, "refused": 0, "answers": 0}

    for line in open(path, encoding="utf-8"):
        s = json.loads(line)
        op = root["paths"][s["path"]][s["method"].lower()]
        at = f"{s['method']} {s['path']} {s['status']}: "

        if "body" in s:
            schema = list(op["requestBody"]["content"].values())[0]["schema"]
            said = errors(schema, s["body"])
            if s["status"] < 300:
                n["taken"] += 1
                taken += [f"{at}{e} of {json.dumps(s['body'])[:200]}" for e in said]
            elif s["code"] == "invalid":
                why = [e for e in s["answer"]["errors"] if can_tell(schema, e)]
                n["refused"] += bool(why)
                if why and not said:
                    refused.append(f"{at}{json.dumps(why)[:200]} {json.dumps(s['body'])[:200]}")

        response = follow(op["responses"].get(str(s["status"]), {}))
        media = response.get("content", {}).get(s["type"].split(";")[0])
        same = (at, s["code"], len(s["answer"].get("errors", []))) if s["code"] else line
        if media and "answer" in s and same not in once:
            once.add(same)
            n["answers"] += 1
            answered += [at + e for e in errors(media["schema"], s["answer"])]

    ok(sorted(set(taken)), f"{n['taken']} bodies that were taken are of their schemas")
    ok(sorted(set(refused)), f"{n['refused']} bodies refused for their shape are not")
    ok(sorted(set(answered)), f"{n['answers']} answers are of their schemas")
    ok([] if min(n.values()) > 0 else [str(n)], "some of each were seen")


document()
if len(sys.argv) > 2:
    seen(sys.argv[2])
print(f"1..{tests}")
