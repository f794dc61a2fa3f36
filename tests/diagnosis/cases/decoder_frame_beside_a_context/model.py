import torch
import torch.nn as nn


class Decoder(nn.Module):
    def __init__(self, n_mels=80, prenet=256, enc=512, rnn=1024):
        super().__init__()
        self.prenet = nn.Sequential(nn.Linear(n_mels, prenet), nn.ReLU(), nn.Dropout(0.5))
        self.query = nn.Linear(rnn, 128)
        self.memory_layer = nn.Linear(enc, 128)
        self.v = nn.Linear(128, 1)
        self.attention_rnn = nn.LSTMCell(prenet + enc, rnn)
        self.proj = nn.Linear(rnn + enc, n_mels)
        self.rnn = rnn

    def forward(self, memory, frame):
        h = memory.new_zeros(memory.size(0), self.rnn)
        c = memory.new_zeros(memory.size(0), self.rnn)
        energies = self.v(torch.tanh(self.query(h).unsqueeze(1) + self.memory_layer(memory)))
        weights = torch.softmax(energies, dim=1)
        context = torch.bmm(weights.transpose(1, 2), memory)
        x = self.prenet(frame)
        h, c = self.attention_rnn(torch.cat((x, context), -1), (h, c))
        return self.proj(torch.cat((h, context), -1))
