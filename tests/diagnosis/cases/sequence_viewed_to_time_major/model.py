import torch
import torch.nn as nn


class DecoderRNN(nn.Module):
    def __init__(self, CNN_embed_dim=30, h_RNN_layers=1, h_RNN=25, h_FC_dim=12, num_classes=5):
        super(DecoderRNN, self).__init__()
        self.RNN_input_size = CNN_embed_dim
        self.LSTM = nn.LSTM(
            input_size=self.RNN_input_size,
            hidden_size=h_RNN,
            num_layers=h_RNN_layers,
        )
        self.fc1 = nn.Linear(h_RNN, h_FC_dim)
        self.fc2 = nn.Linear(h_FC_dim, num_classes)

    def forward(self, x_RNN):
        # LSTM wants (time_step, batch, input_size)
        x_RNN = x_RNN.view(x_RNN.size(1), x_RNN.size(0), self.RNN_input_size)
        RNN_out, (h_n, h_c) = self.LSTM(x_RNN, None)
        x = torch.relu(self.fc1(RNN_out[-1]))
        return self.fc2(x)
