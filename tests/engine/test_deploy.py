"""The deployment of a cloud assembly (a hand-written one), and `secret_reference`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orders.local.engine.assembly import read_assembly
from orders.local.engine.deploy import deploy
from orders.local.engine.errors import DeployError, StackFailedError
from tests.engine.cloud import unique

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.cloud import Cloud

BUCKET = "cdk-assets-${AWS::AccountId}-${AWS::Region}"
CODE = "0123456789abcdef"
ROLE: dict[str, Any] = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    },
}


class Assembly:
    """A cloud assembly of two stacks, written as the CDK writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix = unique("env")
        self.storage: dict[str, Any] = {
            "Resources": {
                "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 30}},
                "Secret": {
                    "Type": "AWS::SecretsManager::Secret",
                    "Properties": {"Name": f"{self.prefix}/payment", "SecretString": "s"},
                },
            },
            "Outputs": {
                "SecretRef": {"Value": {"Ref": "Secret"}},
                "QueueUrl": {"Value": {"Ref": "Queue"}},
                "QueueArn": {
                    "Value": {"Fn::GetAtt": ["Queue", "Arn"]},
                    "Export": {"Name": f"{self.prefix}-QueueArn"},
                },
            },
        }
        self.workflow: dict[str, Any] = {
            "Parameters": {
                "WarehouseUrl": {"Type": "String", "Default": "https://warehouse.example"},
                "BootstrapVersion": {
                    "Type": "AWS::SSM::Parameter::Value<String>",
                    "Default": "/cdk-bootstrap/hnb659fds/version",
                },
            },
            "Resources": {
                "Role": ROLE,
                "Function": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Code": {"S3Bucket": {"Fn::Sub": BUCKET}, "S3Key": f"{CODE}.zip"},
                        "Handler": "index.handle",
                        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                        "Runtime": "python3.13",
                        "Environment": {
                            "Variables": {
                                "QUEUE": {"Fn::ImportValue": f"{self.prefix}-QueueArn"},
                                "URL": {"Ref": "WarehouseUrl"},
                            }
                        },
                    },
                },
            },
            "Outputs": {"FunctionName": {"Value": {"Ref": "Function"}}},
        }

    def write(self) -> Path:
        asset = self.folder / f"asset.{CODE}"
        asset.mkdir(parents=True, exist_ok=True)
        (asset / "index.py").write_text(
            "import os\ndef handle(event, context):\n    return [os.environ['QUEUE'], os.environ['URL']]\n"
        )
        code = {"path": asset.name, "packaging": "zip"}
        artifacts = {
            **self._stack("Workflow", self.workflow, {f"{CODE}.zip": code}, after="Storage"),
            **self._stack("Storage", self.storage, {}),
        }
        self._write("manifest.json", {"version": "48.0.0", "artifacts": artifacts})
        return self.folder

    def _stack(
        self, name: str, template: Any, sources: dict[str, Any], after: str | None = None
    ) -> dict[str, Any]:
        files = {
            key: {"source": source, "destinations": {"d": {"bucketName": BUCKET, "objectKey": key}}}
            for key, source in sources.items()
        }
        self._write(f"{name}.template.json", template)
        self._write(f"{name}.assets.json", {"files": files})
        return {
            name: {
                "type": "aws:cloudformation:stack",
                "dependencies": [f"{name}.assets", *([after] if after else [])],
                "properties": {
                    "templateFile": f"{name}.template.json",
                    "stackName": f"{self.prefix}-{name.lower()}",
                },
            },
            f"{name}.assets": {
                "type": "cdk:asset-manifest",
                "properties": {"file": f"{name}.assets.json"},
            },
        }

    def _write(self, name: str, content: Any) -> None:
        (self.folder / name).write_text(json.dumps(content))


@pytest.fixture
def assembly(tmp_path: Path) -> Assembly:
    return Assembly(tmp_path)


@pytest.mark.engine
def test_stacks_are_deployed_in_order_with_assets_imports_and_parameters(
    mended: Cloud, assembly: Assembly
) -> None:
    outputs = deploy(assembly.write(), mended.url, {"WarehouseUrl": "http://127.0.0.1:1"})
    seen, failed = mended.invoke(outputs["FunctionName"])
    assert not failed, seen
    assert seen == [outputs["QueueArn"], "http://127.0.0.1:1"]


def attributes(cloud: Cloud, url: str) -> dict[str, str]:
    answer = cloud.queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return dict(answer["Attributes"])


@pytest.mark.engine
def test_what_is_the_same_is_left_alone_and_what_changed_is_updated(
    mended: Cloud, assembly: Assembly
) -> None:
    outputs = deploy(assembly.write(), mended.url)
    mended.queues.set_queue_attributes(QueueUrl=outputs["QueueUrl"], Attributes={"VisibilityTimeout": "99"})
    assert deploy(assembly.write(), mended.url) == outputs
    assert attributes(mended, outputs["QueueUrl"])["VisibilityTimeout"] == "99"

    assembly.storage["Resources"]["Queue"]["Properties"]["VisibilityTimeout"] = 45
    changed = deploy(assembly.write(), mended.url, {"WarehouseUrl": "http://127.0.0.1:2"})
    assert changed == outputs
    assert attributes(mended, outputs["QueueUrl"])["VisibilityTimeout"] == "45"
    seen, _ = mended.invoke(outputs["FunctionName"])
    assert seen[1] == "http://127.0.0.1:2"


@pytest.mark.engine
def test_a_failed_stack_names_resource_and_reason_and_can_be_mended(
    mended: Cloud, assembly: Assembly
) -> None:
    properties = {"PolicyDocument": "{}"}
    policy = {"Type": "AWS::Logs::ResourcePolicy", "Properties": properties}
    assembly.workflow["Resources"]["Policy"] = policy
    with pytest.raises(StackFailedError, match=r"workflow: Policy: .*PolicyName") as failure:
        deploy(assembly.write(), mended.url)
    assert failure.value.resource == "Policy"
    properties["PolicyName"] = assembly.prefix
    assert "FunctionName" in deploy(assembly.write(), mended.url)


@pytest.mark.engine
def test_an_unknown_parameter_is_refused(mended: Cloud, assembly: Assembly) -> None:
    with pytest.raises(DeployError, match="no stack declares the parameter Warehouse"):
        deploy(assembly.write(), mended.url, {"Warehouse": "x"})


@pytest.mark.engine
def test_the_reference_to_a_secret_is_its_arn(mended: Cloud, assembly: Assembly) -> None:
    reference = deploy(assembly.write(), mended.url)["SecretRef"]
    assert reference.startswith("arn:aws:secretsmanager:")
    assembly.storage["Resources"]["Secret"]["Properties"]["SecretString"] = "t"
    assert deploy(assembly.write(), mended.url)["SecretRef"] == reference
    assert mended.secrets.get_secret_value(SecretId=reference)["SecretString"] == "t"
    del assembly.storage["Resources"]["Secret"], assembly.storage["Outputs"]["SecretRef"]
    deploy(assembly.write(), mended.url)
    with pytest.raises(mended.secrets.exceptions.ResourceNotFoundException):
        mended.secrets.get_secret_value(SecretId=reference)


@pytest.mark.engine
def test_in_the_installed_engine_it_is_the_name(unmended: Cloud, assembly: Assembly) -> None:
    outputs = deploy(assembly.write(), unmended.url)
    assert outputs["SecretRef"] == f"{assembly.prefix}/payment"


@pytest.mark.engine
def test_a_tables_policy_is_taken_from_the_template(mended: Cloud, assembly: Assembly) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:PutItem", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    key = {"AttributeName": "id", "KeyType": "HASH"}
    properties: dict[str, Any] = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [key],
        "BillingMode": "PAY_PER_REQUEST",
        "ResourcePolicy": {"PolicyDocument": document},
    }
    table = {"Type": "AWS::DynamoDB::Table", "Properties": properties}
    assembly.storage["Resources"]["Ledger"] = table
    assembly.storage["Outputs"]["Ledger"] = {"Value": {"Ref": "Ledger"}}
    name = deploy(assembly.write(), mended.url)["Ledger"]
    with pytest.raises(mended.dynamodb.exceptions.ClientError, match="AccessDenied"):
        mended.dynamodb.put_item(TableName=name, Item={"id": {"S": "1"}})
    statement["Action"] = "dynamodb:DeleteItem"
    deploy(assembly.write(), mended.url)
    mended.dynamodb.put_item(TableName=name, Item={"id": {"S": "1"}})


def test_a_folder_without_an_assembly_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="is not a CDK cloud assembly"):
        read_assembly(tmp_path)


def test_an_equal_folder_is_an_equal_zip(tmp_path: Path) -> None:
    first = read_assembly(Assembly(_made(tmp_path / "a")).write())
    second = read_assembly(Assembly(_made(tmp_path / "b")).write())
    [one], [other] = first[1].assets, second[1].assets
    assert one.content() == other.content()
    assert one.bucket == "cdk-assets-000000000000-us-east-1"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
