"""Commands that the help shows, by command; "" is `eyeriss` itself."""

__all__ = ["EXAMPLES"]

EXAMPLES = {
    "": ("eyeriss simulate --chip mini --shape M=8,C=4,H=12,W=12,R=3,P=1 --relu",
         "eyeriss map --layer vgg16/CONV3-1",
         "eyeriss plan model.onnx",
         "eyeriss digits --count 20"),
    "generate": ("eyeriss generate --chip mini -o build/mini",
                 "eyeriss generate --top axi -o build/axi"),
    "simulate": ("eyeriss simulate --chip mini --shape M=8,C=4,H=12,W=12,R=3,P=1 --relu",
                 "eyeriss simulate --layer alexnet/CONV3 --shift 8 --zeros 0.5 --json result.json"),
    "compile": ("eyeriss compile --layer alexnet/CONV5 --shift 8 --relu -o build/conv5",
                "eyeriss compile --chip mini --shape M=8,C=4,H=12,W=12,R=3 --ifmap x.npy --base 0x80000000"),
    "map": ("eyeriss map --layer alexnet/CONV2 --batch 4 --zeros 0.5 --picture mapping.png",
            "eyeriss map --shape M=32,C=16,H=20,W=24,R=3 --chip my.toml --objective dram"),
    "benchmark": ("eyeriss benchmark alexnet",
                  "eyeriss benchmark vgg16 --layers CONV1-1,CONV5-1 --part sample --workers 4"),
    "calibrate": ("eyeriss calibrate --count 5 --chip mini",),
    "asic": ("eyeriss asic --chip mini --no-timing",
             "eyeriss asic --spads latch --power"),
    "run": ("eyeriss run model.onnx --input photo.jpg --output y.npy",
            "eyeriss run model.onnx --input x.npy --chip mini --backend both --layers conv1,conv2",
            "eyeriss run model.onnx --input photo.jpg --chip 8bit.toml --quantize photos"),
    "plan": ("eyeriss plan model.onnx",
             "eyeriss plan model.onnx --shape 4x3x224x224 --zeros 0.5 --json - --no-page"),
    "digits": ("eyeriss digits --count 360 --backend model",),
    "imagenet": ("eyeriss imagenet",
                 "eyeriss imagenet cat.jpg cup.png --backend both --workers 4",
                 "eyeriss imagenet cat.jpg --chip eyeriss-int8"),
    "demo": ("eyeriss demo --output pictures",),
}
