"""The HTTP API in words: what each route takes, answers and refuses, as one OpenAPI 3.1 document."""
