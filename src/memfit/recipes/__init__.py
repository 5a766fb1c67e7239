"""Jobs that come with memfit: what people do with a model that has a name, as a script would do it.

`memfit estimate hf:Qwen/Qwen3-8B --train lora` runs `language.py` on the simulated device, and
`python -m memfit.recipes.language FOLDER --train lora` runs the same file on a real one. A recipe is the user's side:
it uses torch, transformers and peft as they are installed, and nothing of memfit but its own folder.
"""
