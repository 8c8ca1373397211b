"""Microsoft Defender for Containers: its two row models, a recorded answer, and the lack of any source."""
