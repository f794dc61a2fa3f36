import torch.nn as nn
import torch.nn.functional as F


class Down(nn.Module):
    def __init__(self, ninput, noutput):
        super().__init__()
        self.conv = nn.Conv2d(ninput, noutput, (3, 3), stride=2, padding=1, bias=True)
        self.bn = nn.BatchNorm2d(noutput, eps=1e-3)

    def forward(self, input):
        return F.relu(self.bn(self.conv(input)))


class Encoder(nn.Module):
    def __init__(self, num_roads=8):
        super().__init__()
        self.initial_block = Down(3, 16)
        self.layers = nn.ModuleList()
        for cin, cout in [(16, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512)]:
            self.layers.append(Down(cin, cout))
        # road type head
        self.road_linear_1 = nn.Linear(512 * 3 * 5, 1024)
        self.road_linear_2 = nn.Linear(1024, num_roads)

    def forward(self, input):
        output = self.initial_block(input)
        for layer in self.layers:
            output = layer(output)
        output_road = output.reshape(output.size(0), -1)
        output_road = self.road_linear_1(output_road)
        return self.road_linear_2(F.relu(output_road))
