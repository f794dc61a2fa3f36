import torch.nn as nn


class Captioner(nn.Module):
    def __init__(self, vocab=500, d_model=128):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(3, 64, 4, 4), nn.ReLU(),
            nn.Conv2d(64, 256, 4, 4), nn.ReLU(),
        )
        self.embed = nn.Embedding(vocab, d_model)
        layer = nn.TransformerDecoderLayer(d_model, 8, batch_first=True)
        self.decoder = nn.TransformerDecoder(layer, 2)
        self.out = nn.Linear(d_model, vocab)

    def forward(self, image, tokens):
        memory = self.cnn(image).flatten(2).transpose(1, 2)
        x = self.decoder(self.embed(tokens), memory)
        return self.out(x)
