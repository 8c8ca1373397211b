"""Azure ML YAML: environments, assets, jobs, components, deployments; MLflow models."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import brief, declare, errors, lines, names, verdict

CONDA = "channels: [conda-forge]\ndependencies: [python]\n"
MCR = "mcr.microsoft.com/azureml/a:1"


def test_an_environment_with_image_and_conda_file(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"env.yml": f"image: {MCR}\nconda_file: c/conda.yml\n", "c/conda.yml": CONDA}
    declared = declare(tmp_path, files)
    assert [(one.name, one.file, one.line) for one in declared.references] == [
        ("mcr.microsoft.com/azureml/a", "env.yml", 1),
        ("python", "c/conda.yml", 2),
    ]
    assert verdict(declared).verdict == "safelisted"


@pytest.mark.parametrize(
    "content",
    [
        f"image: {MCR}\nconda_file:\n  channels: [defaults]\n  dependencies: [python]\n",
        f"image: {MCR}\nconda_file: |\n  channels: [defaults]\n  dependencies: [python]\n",
    ],
)
def test_an_inline_conda_file_is_read_where_it_stands(tmp_path: Path, content: str) -> None:
    declared = declare(tmp_path, {"env.yaml": content})
    assert brief(declared)[1:] == [("conda", "python", "", "defaults")]
    assert lines(declared)[1:] == [("python", 4)]
    assert verdict(declared).verdict == "needs_exception"


def test_every_place_in_a_job_where_an_environment_can_stand(tmp_path: Path) -> None:
    content = """
$schema: https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json
type: pipeline
inputs: {environment: no, image: no}
settings: {default_compute: azureml:cpu}
jobs:
  a: {type: command, environment: {image: quay.io/a/b:1}, environment_variables: {image: no}}
  b:
    component: ./component.yml
  c:
    type: sweep
    trial: ./component.yml
  d: {component: 'azureml:train@latest'}
  e: {environment: 'azureml://registries/azureml/environments/sklearn/versions/3'}
  f: {environment: 'azureml:curated:3'}
  g: {environment: 'azureml:${{name}}'}
  h: {environment: 'file:env.yml'}
  i: {component: './gone.yml'}
"""
    files: dict[str, str | bytes] = {
        "job.yml": content,
        "component.yml": f"command: python x.py\nenvironment:\n  image: {MCR}\n",
        "env.yml": "image: python\n",
    }
    assert brief(declare(tmp_path, files)) == [
        ("image", "quay.io/a/b", "1", "quay.io"),
        ("image", "mcr.microsoft.com/azureml/a", "1", "mcr.microsoft.com"),
        ("other", "azureml:train", "latest", "?registered_environment"),
        ("other", "azureml://registries/azureml/environments/sklearn", "3", "azureml://registries/azureml"),
        ("other", "azureml:curated", "3", "?registered_environment"),
        ("other", "azureml:${{name}}", "", "?template"),
        ("image", "python", "", "docker.io"),
        ("other", "./gone.yml", "", "?missing_file"),
    ]


def test_a_command_that_installs_is_a_declaration(tmp_path: Path) -> None:
    command = "command: >-\n  pip install evil --index-url https://x.example/s\n  && python x.py\n"
    content = f"environment: {{image: '{MCR}'}}\n{command}"
    declared = declare(tmp_path, {"job.yml": content})
    assert brief(declared)[-1] == ("pypi", "evil", "", "https://x.example/s")


def test_a_build_context_is_the_folder_that_copy_starts_from(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "job.yml": "environment:\n  build:\n    path: ctx\n    dockerfile_path: d/My.Dockerfile\n",
        "ctx/d/My.Dockerfile": f"FROM {MCR}\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n",
        "ctx/requirements.txt": "a\n",
        "ctx/d/requirements.txt": "wrong\n",
    }
    assert names(declare(tmp_path, files)) == ["image:mcr.microsoft.com/azureml/a", "pypi:a"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("conda_file: gone.yml\n", "?missing_file"),
        ("conda_file: ../outside.yml\n", "?missing_file"),
        ("conda_file: /etc/passwd\n", "?missing_file"),
        ("conda_file: '{{path}}'\n", "?template"),
        ("conda_file: '${X}/c.yml'\n", "?unresolved_variable"),
        ("build: {path: gone}\n", "?missing_file"),
        ("build: '{{context}}'\n", "?template"),
        ("image: '{{image.name}}:{{version}}'\n", "?template"),
        ("image: ''\npython_requirements_txt: gone.txt\n", "?missing_file"),
    ],
)
def test_what_cannot_be_followed_is_undetermined(tmp_path: Path, content: str, expected: str) -> None:
    declared = declare(tmp_path, {"env.yml": content})
    assert [one[3] for one in brief(declared)] == [expected]
    assert verdict(declared).verdict != "safelisted"


def test_prompt_flow_and_older_definitions(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "flow.dag.yaml": "environment:\n  python_requirements_txt: requirements.txt\n",
        "requirements.txt": "promptflow\n",
    }
    assert names(declare(tmp_path, files)) == ["pypi:promptflow"]
    old = "docker:\n  baseImage: ubuntu\n  build: {dockerfile: Dockerfile, context: .}\n"
    files = {"old.yml": old, "Dockerfile": "FROM alpine\n"}
    assert names(declare(tmp_path, files)) == ["image:ubuntu", "image:alpine"]


ASSET = {
    "spec.yaml": 'name: "{{asset.name}}"\nbuild:\n  path: "{{image.context.path}}"\n  dockerfile_path: "{{x}}"\n',
    "context/Dockerfile": f"FROM {MCR}\n",
    "other/Dockerfile": "FROM evil\n",
}


def test_an_assets_configuration_tells_its_build_context(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        **ASSET,
        "asset.yaml": "name: x\ntype: environment\nspec: spec.yaml\nextra_config: environment.yaml\n",
        "environment.yaml": "image:\n  context:\n    path: other\n",
    }
    assert names(declare(tmp_path, files, "asset.yaml")) == ["image:evil"]
    assert names(declare(tmp_path, files, "spec.yaml")) == ["image:evil"]


def test_without_it_the_conventional_folder_is_read_and_the_guess_is_said(tmp_path: Path) -> None:
    declared = declare(tmp_path, {**ASSET})
    assert names(declared) == ["image:mcr.microsoft.com/azureml/a"]
    assert errors(declared) == ["template_path"]
    assert verdict(declared).verdict == "unparseable"


def test_a_broken_configuration_of_an_asset_is_said(tmp_path: Path) -> None:
    declared = declare(tmp_path, {**ASSET, "asset.yaml": "spec: [\n"}, "spec.yaml")
    assert "yaml_invalid" in errors(declared)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("environment:\n  image: {{ACR}}.azurecr.io/x:1\n", "yaml_key"),
        ("- image: x\n", "not_aml"),
        ("- environment:\n", "not_aml"),
        ("name: x\ntype: uri_folder\npath: ./data\n", "nothing_declared"),
        ("image: x\nbuild: {}\n", "no_build_path"),
        ("image: x\nconda_file: |\n  - a\n", "not_conda"),
        ("image: x\nconda_file: |\n  a: [\n", "yaml_invalid"),
        ("", "unknown_format"),
        ("conda_file: e.yml\n", "empty"),
    ],
)
def test_bad_yaml_is_an_error(tmp_path: Path, content: str, code: str) -> None:
    declared = declare(tmp_path, {"env.yml": content, "e.yml": "\n"})
    assert code in errors(declared)
    assert verdict(declared).verdict == "unparseable"


def test_files_that_name_each_other_end(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.yml": "jobs: {x: {component: ./b.yml}}\nenvironment: {image: one}\n",
        "b.yml": "jobs: {x: {component: ./a.yml}}\nenvironment: {image: two}\n",
    }
    assert names(declare(tmp_path, files)) == ["image:two", "image:one"]


def test_an_mlflow_environment(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "python_env.yaml": "python: 3.10\nbuild_dependencies:\n- pip==23\ndependencies:\n- -r requirements.txt\n",
        "requirements.txt": "mlflow\n",
    }
    declared = declare(tmp_path, files)
    assert brief(declared) == [
        ("other", "python", "3.10", "?interpreter"),
        ("pypi", "pip", "==23", "pypi"),
        ("pypi", "mlflow", "", "pypi"),
    ]
    assert verdict(declared).verdict == "needs_exception"


def test_an_mlflow_model_names_its_environments(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "MLmodel": "flavors:\n  f:\n    env: {conda: conda.yaml, virtualenv: gone.yaml}\n  sklearn: {a: 1}\n",
        "conda.yaml": CONDA,
    }
    assert brief(declare(tmp_path, files)) == [
        ("conda", "python", "", "conda-forge"),
        ("other", "gone.yaml", "", "?missing_file"),
    ]
    files["MLmodel"] = "flavors: {f: {env: conda.yaml}}\n"
    assert names(declare(tmp_path, files)) == ["conda:python"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("MLmodel", "flavors: {f: {loader: x}}\n", "no_environment"),
        ("MLmodel", "- a\n", "not_mlflow"),
        ("MLmodel", "", "empty"),
        ("python_env.yaml", "python: 3\nbuild_dependencies: [[a]]\n", "not_mlflow"),
    ],
)
def test_bad_mlflow_files(tmp_path: Path, name: str, content: str, code: str) -> None:
    assert code in errors(declare(tmp_path, {name: content}))


@pytest.mark.parametrize(
    ("image", "name", "tag"),
    [
        ('"{{image.name}}:{{asset.version}}"', "{{image.name}}", "{{asset.version}}"),
        ('"{{host}}/a/b:1@sha256:z"', "{{host}}/a/b", "1@sha256:z"),
        ("$(registry)/x:$(Build.BuildId)", "$(registry)/x", "$(Build.BuildId)"),
        ("${HOST}:5000/a/b:${TAG:-1:2}", "${HOST}:5000/a/b", "${TAG:-1:2}"),
        ("${BASE:-python:3}", "${BASE:-python:3}", ""),
    ],
)
def test_a_template_is_one_word_of_an_image_name(tmp_path: Path, image: str, name: str, tag: str) -> None:
    declared = declare(tmp_path, {"env.yml": f"environment:\n  image: {image}\n"})
    assert [(one.name, one.spec) for one in declared.references] == [(name, tag)]
    assert verdict(declared).verdict == "needs_exception"


def test_a_job_s_command_is_read_around_its_inputs(tmp_path: Path) -> None:
    content = f"""
environment: {{image: {MCR}}}
command: >-
  pip install a ${{{{inputs.more}}}} && python x.py --in ${{{{inputs.data}}}}
  $[[--id ${{{{inputs.id}}}}]] && pip install $[[b-${{{{inputs.version}}}}]]
"""
    declared = declare(tmp_path, {"job.yml": content})
    assert brief(declared)[1:] == [
        ("pypi", "a", "", "pypi"),
        ("pypi", "${{inputs.more}}", "", "?template"),
        ("pypi", "b-${{inputs.version}}", "", "?template"),
    ]
    assert not declared.problems


def test_a_job_s_command_runs_in_the_folder_of_its_code(tmp_path: Path) -> None:
    job = f"environment: {{image: {MCR}}}\ncommand: pip install -r requirements.txt\n"
    files: dict[str, str | bytes] = {"j/job.yml": job + "code: ../src\n", "src/requirements.txt": "a\n"}
    assert names(declare(tmp_path, files))[1:] == ["pypi:a"]
    files["j/job.yml"] = job
    assert brief(declare(tmp_path, files))[1:] == [("other", "requirements.txt", "", "?missing_file")]
    files["j/job.yml"] = job + "code: git+https://g.example/o/r\n"
    assert brief(declare(tmp_path, files))[1:] == [("other", "requirements.txt", "", "?missing_file")]


@pytest.mark.parametrize(
    "environment",
    [
        f"docker: {{image: '{MCR}'}}\n  conda_dependencies: {{channels: [anaconda], dependencies: [b]}}",
        f"docker: {{baseImage: '{MCR}'}}\n  python: {{condaDependenciesFile: c.yml}}",
        f"docker: {{image: '{MCR}'}}\n  python: {{condaDependencies: {{channels: [anaconda], dependencies: [b]}}}}",
        f"image: '{MCR}'\n  conda_dependencies_file: c.yml",
    ],
)
def test_the_conda_packages_of_older_definitions_are_not_passed_over(tmp_path: Path, environment: str) -> None:
    c = "channels: [anaconda]\ndependencies: [b]\n"
    declared = declare(tmp_path, {"job.yml": f"environment:\n  {environment}\n", "c.yml": c})
    assert sorted(brief(declared)) == [
        ("conda", "b", "", "anaconda"),
        ("image", "mcr.microsoft.com/azureml/a", "1", "mcr.microsoft.com"),
    ]
    assert verdict(declared).verdict == "needs_exception"


def test_an_environment_by_name_alone_is_not_known(tmp_path: Path) -> None:
    content = f"""
settings: {{default_environment: 'azureml:base@latest', default_datastore: x}}
jobs:
  a: {{environment: {{name: curated, version: 3}}}}
  c: {{environment: {{image: '{MCR}'}}}}
  d: {{environment: {{}}}}
"""
    assert brief(declare(tmp_path, {"job.yml": content})) == [
        ("other", "azureml:base", "latest", "?registered_environment"),
        ("other", "curated", "3", "?registered_environment"),
        ("image", "mcr.microsoft.com/azureml/a", "1", "mcr.microsoft.com"),
    ]


def test_what_an_alias_says_again_counts_once(tmp_path: Path) -> None:
    content = f"x: &x\n  environment: {{image: '{MCR}'}}\njobs:\n  a: *x\n  b: {{<<: *x, command: pip install c}}\n"
    assert lines(declare(tmp_path, {"job.yml": content})) == [("mcr.microsoft.com/azureml/a", 2), ("c", 5)]
