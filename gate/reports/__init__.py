"""Reports: what people and pipelines read. Each turns a result into text and decides nothing."""
