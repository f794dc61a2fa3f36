import torch.nn as nn


class DiscriminatorCNN(nn.Module):
    def __init__(self, input_channel=3, output_channel=1, hidden_dims=(64, 128, 256, 512)):
        super(DiscriminatorCNN, self).__init__()
        self.layers = []
        prev_dim = hidden_dims[0]
        self.layers.append(nn.Conv2d(input_channel, prev_dim, 4, 2, 1, bias=False))
        self.layers.append(nn.LeakyReLU(0.2, inplace=True))
        for out_dim in hidden_dims[1:]:
            self.layers.append(nn.Conv2d(prev_dim, out_dim, 4, 2, 1, bias=False))
            self.layers.append(nn.BatchNorm2d(out_dim))
            self.layers.append(nn.LeakyReLU(0.2, inplace=True))
            prev_dim = out_dim
        self.layers.append(nn.Conv2d(prev_dim, output_channel, 4, 1, 0, bias=False))
        self.layers.append(nn.Sigmoid())
        self.layer_module = nn.ModuleList(self.layers)

    def forward(self, x):
        for layer in self.layer_module:
            x = layer(x)
        return x
