// The rules of AXI4 that a master of our kind can break. `violation` is sticky until the reset, and says why on the log.
//
// Each channel: once valid, it and its payload hold until ready, nothing is X. Bursts: within 4 KB, whole
// words. WLAST on the last word of each burst and on no other; no more than as many answers as bursts.
module axi_monitor (
    input  logic        clk,
    input  logic        rst,
    input  logic        awvalid, awready,
    input  logic [63:0] awaddr,
    input  logic [7:0]  awlen,
    input  logic [2:0]  awsize,
    input  logic [1:0]  awburst,
    input  logic        wvalid, wready,
    input  logic [63:0] wdata,
    input  logic [7:0]  wstrb,
    input  logic        wlast,
    input  logic        bvalid, bready,
    input  logic        arvalid, arready,
    input  logic [63:0] araddr,
    input  logic [7:0]  arlen,
    input  logic [2:0]  arsize,
    input  logic [1:0]  arburst,
    input  logic        rvalid, rready, rlast,
    output logic        violation,
    output logic [31:0] splits,         // bursts that end at a 4 KB boundary
    output logic [31:0] most_reads,     // outstanding at once
    output logic [31:0] open_reads,
    output logic [31:0] open_writes     // bursts without their answer
);
    logic        aw_held, w_held, ar_held;
    logic [71:0] aw_before, ar_before;
    logic [72:0] w_before;
    // Lengths of bursts by their addresses and by their words: whichever comes later is compared.
    logic [7:0]  announced [0:63];
    logic [7:0]  written [0:63];
    logic [5:0]  addresses, ends;
    logic [7:0]  word;

    wire signed [5:0] ahead = ends - addresses;
    wire aw = awvalid && awready, w = wvalid && wready, b = bvalid && bready;
    wire ar = arvalid && arready, r = rvalid && rready;
    wire [12:0] aw_end = {1'b0, awaddr[11:0]} + {2'b0, awlen, 3'b0} + 13'd8;
    wire [12:0] ar_end = {1'b0, araddr[11:0]} + {2'b0, arlen, 3'b0} + 13'd8;

    task automatic broken(input string rule);
        begin
            if (!violation) $display("axi_monitor: %s at %0t", rule, $time);
            violation <= 1;
        end
    endtask

    always @(posedge clk) begin
        if (rst) begin
            {violation, aw_held, w_held, ar_held, addresses, ends, word} <= 0;
            open_reads <= 0;
            open_writes <= 0;
            splits <= 0;
            most_reads <= 0;
        end else begin
            if ((^{awvalid, wvalid, arvalid, bready, rready}) === 1'bx) broken("a handshake is X");
            if (aw_held && (!awvalid || {awaddr, awlen} != aw_before)) broken("AW changed before its transfer");
            if (w_held && (!wvalid || {wdata, wstrb, wlast} != w_before)) broken("W changed before its transfer");
            if (ar_held && (!arvalid || {araddr, arlen} != ar_before)) broken("AR changed before its transfer");
            aw_held <= awvalid && !awready;
            w_held <= wvalid && !wready;
            ar_held <= arvalid && !arready;
            aw_before <= {awaddr, awlen};
            ar_before <= {araddr, arlen};
            w_before <= {wdata, wstrb, wlast};

            if (awvalid && aw_end > 13'd4096) broken("a write crosses 4 KB");
            if (arvalid && ar_end > 13'd4096) broken("a read crosses 4 KB");
            if (awvalid && (awsize != 3 || awburst != 1 || awaddr[2:0] != 0)) broken("a write of no whole words");
            if (arvalid && (arsize != 3 || arburst != 1 || araddr[2:0] != 0)) broken("a read of no whole words");
            if ((aw && aw_end == 13'd4096) || (ar && ar_end == 13'd4096)) splits <= splits + 1;

            if (aw) begin
                announced[addresses] <= awlen;
                addresses <= addresses + 1;
                // the sign: words may be ahead of addresses, or behind them
                if (ahead > 0 && written[addresses] != awlen) broken("WLAST at the wrong word");
            end
            if (w) begin
                word <= wlast ? 0 : word + 1;
                if (wlast) begin
                    written[ends] <= word;
                    ends <= ends + 1;
                end
                if (ahead < 0 && wlast != (word == announced[ends])) broken("WLAST at the wrong word");
                if (ahead == 0 && aw && wlast != (word == awlen)) broken("WLAST at the wrong word");
                if (!wlast && word == 8'd255) broken("a burst without WLAST");
            end
            if (b && open_writes == 0) broken("an answer to no write");
            if (r && rlast && open_reads == 0) broken("words of no read");
            open_writes <= open_writes + {31'b0, aw} - {31'b0, b};
            open_reads <= open_reads + {31'b0, ar} - {31'b0, r && rlast};
            if (open_reads > most_reads) most_reads <= open_reads;
        end
    end
endmodule
