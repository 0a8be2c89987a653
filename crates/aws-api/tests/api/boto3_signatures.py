"""Requests that botocore signs, against a server that verifies signatures.

Usage: boto3_signatures.py ENDPOINT; the server knows the key AKIDEXAMPLE with the secret of AWS' documentation, for
account 210987654321.
"""

import sys
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def client(service, key="AKIDEXAMPLE", secret=SECRET, token=None, **config):
    return boto3.client(
        service,
        endpoint_url=sys.argv[1],
        region_name="eu-central-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def refused(service, act):
    try:
        act(service)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError("was not refused")


def equal(found, expected):
    assert found == expected, f"found {found}, expected {expected}"


def list_meshes(service):
    return service.list_meshes()


def get_caller_identity(service):
    return service.get_caller_identity()


def main():
    appmesh, sts = client("appmesh"), client("sts")
    metadata = appmesh.create_mesh(meshName="m%25 ~:".replace(" ", "_"), spec={})["mesh"]["metadata"]
    equal(metadata["arn"], "arn:aws:appmesh:eu-central-1:210987654321:mesh/m%25_~:")
    # Paths and query strings whose encoding matters.
    equal(appmesh.describe_mesh(meshName="m%25_~:", meshOwner="210987654321")["mesh"]["metadata"], metadata)
    appmesh.tag_resource(resourceArn=metadata["arn"], tags=[{"key": "k", "value": "ü+ /"}])
    equal(appmesh.list_tags_for_resource(resourceArn=metadata["arn"])["tags"], [{"key": "k", "value": "ü+ /"}])

    identity = sts.get_caller_identity()
    equal((identity["Account"], identity["Arn"]), ("210987654321", "arn:aws:iam::210987654321:user/example"))
    presigned = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    assert b"<Account>210987654321</Account>" in urllib.request.urlopen(presigned).read()

    for faulty, rest_json, query in [
        ({"secret": "wrong"}, "InvalidSignatureException", "SignatureDoesNotMatch"),
        ({"key": "AKIDOTHER"}, "UnrecognizedClientException", "InvalidClientTokenId"),
        ({"token": "t"}, "UnrecognizedClientException", "InvalidClientTokenId"),
        ({"signature_version": UNSIGNED}, "MissingAuthenticationTokenException", "MissingAuthenticationToken"),
    ]:
        equal(refused(client("appmesh", **faulty), list_meshes), (rest_json, 403))
        equal(refused(client("sts", **faulty), get_caller_identity), (query, 403))


if __name__ == "__main__":
    main()
