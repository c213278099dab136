// Writes down what the chip and its link do, for sim/chip/timeline.py: +trace=FILE gets a line for each event,
// in cycles of its clock from the beginning of the simulation.
//
//   c CYCLE KIND                                     from this core cycle on, see `kind`
//   p CYCLE                                          the ifmaps of a pass were sent
//   b ACCEPTED FIRST LAST WRITE ADDRESS WORDS        a burst: its command, its first and its last word
module timeline (
    input logic        clk,
    input logic        rst,
    input logic        over,         // no more is counted

    input logic        configuring,
    input logic        clear,        // of the counters: they do not count this cycle
    input logic        mac,
    input logic        ramp,
    input logic        wait_ifmap,
    input logic        wait_filter,
    input logic        wait_ofmap,
    input logic        pass,

    input logic        link_clk,
    input logic        link_rst,
    input logic        command,      // is accepted
    input logic        write,
    input logic [27:0] address,
    input logic [7:0]  length,       // words - 1
    input logic        word          // moves
);
    integer file = 0;
    string path;
    initial if ($value$plusargs("trace=%s", path)) file = $fopen(path, "w");

    longint cycle = 0;
    logic reset_once = 0;
    logic [2:0] kind_before = 0;
    wire [2:0] kind = !reset_once || rst || over ? 3'd0 : configuring ? 3'd6 : clear ? 3'd0 : mac ? 3'd1 :
                      ramp ? 3'd2 : wait_ifmap ? 3'd3 : wait_filter ? 3'd4 : wait_ofmap ? 3'd5 : 3'd0;

    always @(posedge clk) begin
        cycle <= cycle + 1;
        reset_once <= reset_once | rst;
        kind_before <= kind;
        if (kind != kind_before) $fwrite(file, "c %0d %0d\n", cycle, kind);
        if (kind != 0 && pass) $fwrite(file, "p %0d\n", cycle);
    end

    // The link serves commands in order, and takes fewer at once than these.
    longint link_cycle = 0, first = 0;
    longint accepted [0:15];
    logic [36:0] bursts [0:15];
    logic [3:0] head = 0, tail = 0;
    logic [7:0] moved = 0;
    wire [36:0] burst = bursts[head];

    always @(posedge link_clk) begin
        link_cycle <= link_cycle + 1;
        if (link_rst) begin
            head <= 0;
            tail <= 0;
            moved <= 0;
        end else begin
            if (command) begin
                accepted[tail] <= link_cycle;
                bursts[tail] <= {write, address, length};
                tail <= tail + 1;
            end
            if (word) begin
                if (moved == 0) first = link_cycle;
                moved <= moved + 1;
                if (moved == burst[7:0]) begin
                    $fwrite(file, "b %0d %0d %0d %0d %0d %0d\n", accepted[head], first, link_cycle, burst[36],
                            burst[35:8], {24'd0, burst[7:0]} + 1);
                    head <= head + 1;
                    moved <= 0;
                end
            end
        end
    end
endmodule
