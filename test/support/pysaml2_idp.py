"""One answer of an independent SAML identity provider (Debian's python3-pysaml2, which signs with xmlsec1).

Reads JSON on standard input: who we are, the metadata of the service provider, the query of its request, whom to
describe. Writes JSON: where the browser shall post, and what. A request that pysaml2 refuses ends the program.
"""
import json
import sys
import tempfile
from urllib.parse import parse_qs

from saml2 import BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.saml import NAME_FORMAT_URI, NAMEID_FORMAT_EMAILADDRESS, NameID
from saml2.server import Server
from saml2.sigver import verify_redirect_signature

told = json.load(sys.stdin)
folder = tempfile.TemporaryDirectory()
files = {}
for name in ("key", "certificate", "metadata"):
    files[name] = f"{folder.name}/{name}"
    with open(files[name], "w") as out:
        out.write(told[name])

config = IdPConfig().load(
    {
        "entityid": told["entityId"],
        "key_file": files["key"],
        "cert_file": files["certificate"],
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "metadata": {"local": [files["metadata"]]},
        "service": {
            "idp": {
                "endpoints": {
                    "single_sign_on_service": [(told["entryPoint"], BINDING_HTTP_REDIRECT)]
                },
                "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_URI}},
            }
        },
    }
)
server = Server(config=config)
query = {name: values[0] for name, values in parse_qs(told["query"]).items()}
request = server.parse_authn_request(query["SAMLRequest"], BINDING_HTTP_REDIRECT)
if told["wantSigned"]:
    # pysaml2 leaves signatures of redirects to whoever runs it.
    (certificate,) = server.metadata.certs(request.message.issuer.text, "spsso")
    if isinstance(certificate, tuple):
        certificate = certificate[1]
    if "Signature" not in query or not verify_redirect_signature(
        query, server.sec.sec_backend, certificate
    ):
        sys.exit("the request is not signed")
answer = server.response_args(request.message)
response = server.create_authn_response(
    told["attributes"],
    answer["in_response_to"],
    answer["destination"],
    answer["sp_entity_id"],
    name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=told["nameId"]),
    authn={
        "class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
        "authn_auth": told["entityId"],
    },
    sign_assertion=True,
    sign_response=told["signResponse"],
    sign_alg=told["signAlgorithm"],
    digest_alg=told["digestAlgorithm"],
)
json.dump(
    {
        "acs": answer["destination"],
        "response": str(response),
        "relayState": query.get("RelayState"),
        "forced": request.message.force_authn == "true",
    },
    sys.stdout,
)
