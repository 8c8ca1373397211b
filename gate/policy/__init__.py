"""The typed policy and the pure decision over evidence. No input or output here but in `source`."""
