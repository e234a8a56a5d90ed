"""A Hugging Face Trainer with a small GPT-2 that learns digits pixel by pixel, and Surefoot's two lines.

python examples/huggingface_trainer.py
surefoot choose --budget 10m -- python examples/huggingface_trainer.py
"""

import tempfile

import numpy as np
from sklearn.datasets import load_digits
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments, set_seed

import surefoot.run


class Report(TrainerCallback):
    def on_evaluate(self, arguments, state, control, metrics, **others):
        surefoot.run.report(state.global_step, metrics["eval_loss"])


set_seed(surefoot.run.seed(0))
pictures = load_digits().data.astype(np.int64)  # 64 pixels of 17 shades each, read as a text
examples = [{"input_ids": picture, "labels": picture} for picture in pictures]
model = GPT2LMHeadModel(
    GPT2Config(vocab_size=17, n_positions=64, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
)
optimizer = surefoot.run.optimizer(model, default="AdamW", lr=3e-3)

with tempfile.TemporaryDirectory() as folder:
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=folder,
            max_steps=60,
            per_device_train_batch_size=16,
            per_device_eval_batch_size=64,
            eval_strategy="steps",
            eval_steps=15,
            save_strategy="no",
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            seed=surefoot.run.seed(0),
        ),
        train_dataset=examples[:1600],
        eval_dataset=examples[1600:],
        optimizers=(optimizer, None),  # the Trainer makes its own schedule for it
        callbacks=[Report()],
    )
    trainer.train()
    print(f"validation loss {trainer.evaluate()['eval_loss']:.4f}")
