// A stream of two payload ports, its fields exchanged, and a stream without payload.
module struct_ports (
    input  logic       clk,
    input  logic       rst,
    input  logic       i__valid,
    output logic       i__ready,
    input  logic [3:0] i__payload__small,
    input  logic [7:0] i__payload__large,
    output logic       o__valid,
    input  logic       o__ready,
    output logic [3:0] o__payload__small,
    output logic [7:0] o__payload__large,
    input  logic       token__valid,
    output logic       token__ready
);
    assign o__valid = i__valid;
    assign i__ready = o__ready;
    assign o__payload__small = i__payload__large[3:0];
    assign o__payload__large = {4'h0, i__payload__small};
    assign token__ready = 1'b1;
endmodule
