import torch
import torch.nn as nn


class EncoderCNN(nn.Module):
    def __init__(self, embed_size=300):
        super(EncoderCNN, self).__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d((1, 1)))
        self.embed = nn.Linear(64, embed_size)

    def forward(self, images):
        features = self.cnn(images)
        features = features.view(features.size(0), -1)
        return self.embed(features)


class DecoderRNN(nn.Module):
    def __init__(self, embed_size=256, hidden_size=512, vocab_size=1000, num_layers=1):
        super(DecoderRNN, self).__init__()
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.lstm = nn.LSTM(embed_size, hidden_size, num_layers, batch_first=True)
        self.linear = nn.Linear(hidden_size, vocab_size)

    def forward(self, features, captions):
        embeddings = self.embedding(captions)
        inputs = torch.cat((features.unsqueeze(1), embeddings), 1)
        hiddens, _ = self.lstm(inputs)
        return self.linear(hiddens)


class CNNtoRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = EncoderCNN(256)
        self.decoder = DecoderRNN()

    def forward(self, images, captions):
        return self.decoder(self.encoder(images), captions)
