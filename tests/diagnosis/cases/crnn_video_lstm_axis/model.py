import torch
import torch.nn as nn
import torch.nn.functional as F


class CRNN(nn.Module):
    def __init__(self, h_RNN=32, num_classes=7):
        super(CRNN, self).__init__()
        self.conv1 = nn.Conv2d(3, 8, 5, stride=2)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2)
        self.fc = nn.Linear(16 * 6 * 6, 48)
        self.LSTM = nn.LSTM(input_size=48, hidden_size=h_RNN, num_layers=2)
        self.fc1 = nn.Linear(h_RNN, num_classes)

    def forward(self, x_3d):
        cnn_embed_seq = []
        for t in range(x_3d.size(1)):
            x = F.relu(self.conv1(x_3d[:, t, :, :, :]))
            x = F.relu(self.conv2(x))
            x = x.view(x.size(0), -1)
            cnn_embed_seq.append(self.fc(x))
        # cnn_embed_seq: shape=(batch, time_step, input_size)
        cnn_embed_seq = torch.stack(cnn_embed_seq, dim=0).transpose_(0, 1)
        RNN_out, (h_n, h_c) = self.LSTM(cnn_embed_seq)
        return self.fc1(RNN_out[:, -1, :])   # choose RNN_out at the last time step
