# SPDX-License-Identifier: GPL-2.0-or-later
"""Does a value fit a JSON Schema? As much of draft 2020-12 as status.schema.json uses; a word that isn't known here is an error."""
import re

TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}
KNOWN = {
    "$schema", "$id", "title", "description", "type", "properties", "required", "additionalProperties", "propertyNames",
    "items", "minItems", "maxItems", "minimum", "maximum", "enum", "pattern", "dependentRequired",
}


def of_object(schema, value, where):
    properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", []):
        if name not in value:
            yield f"{where}: {name} is missing"
    for name, others in schema.get("dependentRequired", {}).items():
        for other in others if name in value else []:
            if other not in value:
                yield f"{where}: {other} is missing, although {name} is there"
    for name, v in value.items():
        if "propertyNames" in schema:
            yield from faults({"type": "string", **schema["propertyNames"]}, name, f"{where}.{name}: its name")
        if name in properties:
            yield from faults(properties[name], v, f"{where}.{name}")
        elif more is False:
            yield f"{where}.{name} isn't in the schema"
        elif more is not True:
            yield from faults(more, v, f"{where}.{name}")


def of_array(schema, value, where):
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{where}: {len(value)} items"
    for i, v in enumerate(value):
        yield from faults(schema.get("items", {}), v, f"{where}[{i}]")


def faults(schema, value, where="$"):
    """All that doesn't fit, in words."""
    for word in schema.keys() - KNOWN:
        yield f"{where}: {word} isn't a word of schemas that is known here"
    if "type" in schema and not TYPES[schema["type"]](value):
        yield f"{where}: {value!r} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} doesn't match {schema['pattern']}"
    if "minimum" in schema and value < schema["minimum"] or "maximum" in schema and value > schema["maximum"]:
        yield f"{where}: {value!r} is out of range"
    if isinstance(value, dict):
        yield from of_object(schema, value, where)
    elif isinstance(value, list):
        yield from of_array(schema, value, where)


def undocumented(schema, where="$"):
    """Members without a description; numbers without a unit."""
    if "description" not in schema:
        yield f"{where} has no description"
    elif schema.get("type") in ("integer", "number") and not re.search(r"Unit: |number", schema["description"]):
        yield f"{where} has no unit"
    below = list(schema.get("properties", {}).items())
    below += [(word, schema[word]) for word in ("items", "additionalProperties") if isinstance(schema.get(word), dict)]
    for name, one in below:
        yield from undocumented(one, f"{where}.{name}")
