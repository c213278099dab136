// Counts 1, 2, 3, ... on a stream and breaks the rule that `fault` names:
// 1 drops a word, 2 changes the payload while it waits, 3 withdraws valid,
// 4 leaves valid unknown (two-state simulators cannot).
module broken (
    input  logic       clk,
    input  logic       rst,
    input  logic [2:0] fault,
    output logic       o__valid,
    input  logic       o__ready,
    output logic [7:0] o__payload
);
    logic [4:0] waited;
    always_ff @(posedge clk) begin
        if (rst) begin
            o__valid <= 0;
            o__payload <= 1;
            waited <= 0;
        end else if (!o__valid) begin
            o__valid <= 1;
        end else if (o__ready) begin
            o__payload <= o__payload + (fault == 1 && o__payload == 20 ? 2 : 1);
        end else begin
            waited <= waited + 1;
            if (fault == 2 && waited == 9) o__payload <= o__payload + 1;
            if (fault == 3 && waited == 9) o__valid <= 0;
            if (fault == 4 && waited == 9) o__valid <= 1'bx;
        end
    end
endmodule
