"""Azure Machine Learning as somebody who knows users of images: environments, deployments, models."""
