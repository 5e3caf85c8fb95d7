"""Validates the OpenAPI document at a URL against OpenAPI's own schema."""

import json
import sys
import urllib.request

from openapi_spec_validator import validate

with urllib.request.urlopen(sys.argv[1]) as answer:
    document = json.load(answer)
validate(document)
print(document["openapi"], "valid")
