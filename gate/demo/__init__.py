"""The main job on two small images made on the spot, told step by step."""
