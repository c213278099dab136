// A layer of `eyeriss compile` on the chip of `eyeriss generate --top axi`: load, run, compare.
//
// +folder=DIR, and the arguments in DIR/compiled.f; +stall=SEED has each channel of the memory stall at random.
`timescale 1ns / 1ps

module bench #(
    parameter DEPTH = 1 << 21  // 64-bit words of memory
);
    localparam [31:0] CONTROL = 'h20, STATUS = 'h24, ERROR = 'h28;
    localparam BUSY = 0, DONE = 1, RESETTING = 3;  // bits of STATUS

    logic clk = 0, link_clk = 0, rst = 1, link_rst = 1;
    always #2.5 clk = !clk;
    always #8.333 link_clk = !link_clk;

    // The chip
    logic        s_awvalid = 0, s_awready, s_wvalid = 0, s_wready, s_bvalid, s_arvalid = 0, s_arready, s_rvalid;
    logic [11:0] s_address;
    logic [31:0] s_wdata, s_rdata;
    logic [1:0]  s_bresp, s_rresp;
    logic        awvalid, awready, wvalid, wready, wlast, bvalid, bready, arvalid, arready, rvalid, rready, rlast;
    logic [63:0] awaddr, wdata, araddr, rdata;
    logic [7:0]  awlen, wstrb, arlen;
    logic [1:0]  bresp, rresp;

    eyeriss_axi chip (
        .clk(clk), .rst(rst), .link_clk(link_clk), .link_rst(link_rst), .irq(),
        .s_axi_awvalid(s_awvalid), .s_axi_awready(s_awready), .s_axi_awaddr(s_address),
        .s_axi_wvalid(s_wvalid), .s_axi_wready(s_wready), .s_axi_wdata(s_wdata), .s_axi_wstrb(4'hf),
        .s_axi_bvalid(s_bvalid), .s_axi_bready(1'b1), .s_axi_bresp(s_bresp),
        .s_axi_arvalid(s_arvalid), .s_axi_arready(s_arready), .s_axi_araddr(s_address),
        .s_axi_rvalid(s_rvalid), .s_axi_rready(1'b1), .s_axi_rdata(s_rdata), .s_axi_rresp(s_rresp),
        .m_axi_awvalid(awvalid), .m_axi_awready(awready), .m_axi_awaddr(awaddr), .m_axi_awlen(awlen),
        .m_axi_awsize(), .m_axi_awburst(), .m_axi_awid(), .m_axi_awlock(), .m_axi_awcache(), .m_axi_awprot(),
        .m_axi_awqos(), .m_axi_wvalid(wvalid), .m_axi_wready(wready), .m_axi_wdata(wdata), .m_axi_wstrb(wstrb),
        .m_axi_wlast(wlast), .m_axi_bvalid(bvalid), .m_axi_bready(bready), .m_axi_bresp(bresp), .m_axi_bid(1'b0),
        .m_axi_arvalid(arvalid), .m_axi_arready(arready), .m_axi_araddr(araddr), .m_axi_arlen(arlen),
        .m_axi_arsize(), .m_axi_arburst(), .m_axi_arid(), .m_axi_arlock(), .m_axi_arcache(), .m_axi_arprot(),
        .m_axi_arqos(), .m_axi_rvalid(rvalid), .m_axi_rready(rready), .m_axi_rdata(rdata), .m_axi_rresp(rresp),
        .m_axi_rlast(rlast), .m_axi_rid(1'b0));

    // The memory: a burst at a time each way, a word a link clock; beyond its end an access is answered by SLVERR.
    logic [63:0] memory [0:DEPTH-1], expected [0:DEPTH-1];
    logic [63:0] base, read_at, write_at;  // read_at, write_at are words
    logic [8:0]  reads, writes;            // words of the burst that are still to come
    logic [31:0] noise = 0;
    logic [4:0]  stall;
    integer      memory_words;

    assign arready = reads == 0 && !stall[0];
    assign rvalid = reads != 0 && !stall[1];
    assign rlast = reads == 1;
    assign rdata = read_at < memory_words ? memory[read_at[27:0]] : 64'hdead_dead_dead_dead;
    assign rresp = read_at < memory_words ? 0 : 2;
    assign awready = writes == 0 && !bvalid && !stall[2];
    assign wready = writes != 0 && !stall[3];

    always @(posedge link_clk) begin
        noise <= {noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
        stall <= noise[4:0] & noise[12:8];
        if (rvalid && !rready) stall[1] <= 0;  // a word that was offered stays
        if (link_rst) {reads, writes, bvalid, stall} <= 0;
        else begin
            if (arvalid && arready) begin
                read_at <= (araddr - base) >> 3;
                reads <= arlen + 9'd1;
            end else if (rvalid && rready) begin
                read_at <= read_at + 1;
                reads <= reads - 1;
            end
            if (awvalid && awready) begin
                write_at <= (awaddr - base) >> 3;
                writes <= awlen + 9'd1;
                bresp <= 0;
            end else if (wvalid && wready) begin
                if (write_at >= memory_words) bresp <= 2;
                else if (wstrb == 8'hff) memory[write_at[27:0]] <= wdata;  // all bytes of a word, or none
                write_at <= write_at + 1;
                writes <= writes - 1;
                if (wlast) bvalid <= 1;
            end
            if (bvalid && bready) bvalid <= 0;
        end
    end

    // The host: what it drives changes on falling edges, so that it is steady where the chip looks at it.
    string  folder;
    integer file, jobs, planned, seed, polls;
    logic [31:0] offset, value, status;
    logic   good = 1, first, second;

    task automatic reset;
        repeat (5) @(negedge clk);
        repeat (5) @(negedge link_clk);
        link_rst = 0;
        @(negedge clk) rst = 0;
        repeat (5) @(negedge clk);
        repeat (5) @(negedge link_clk);
    endtask

    task automatic write(input [31:0] at, input [31:0] what);
        {s_address, s_wdata, s_awvalid, s_wvalid} = {at[11:0], what, 2'b11};
        while (s_awvalid || s_wvalid) begin
            @(posedge link_clk) {first, second} = {s_awready, s_wready};
            @(negedge link_clk);
            if (first) s_awvalid = 0;
            if (second) s_wvalid = 0;
        end
        while (s_bvalid !== 1) @(negedge link_clk);
        if (s_bresp != 0) $display("not equal: a write of register 0x%0h was refused", at);
        if (s_bresp != 0) good = 0;
        @(negedge link_clk);
    endtask

    task automatic read(input [31:0] at, output [31:0] what);
        {s_address, s_arvalid} = {at[11:0], 1'b1};
        while (s_arvalid) begin
            @(posedge link_clk) first = s_arready;
            @(negedge link_clk) if (first) s_arvalid = 0;
        end
        while (s_rvalid !== 1) @(negedge link_clk);
        what = s_rdata;
        @(negedge link_clk);
    endtask

    // After each write to CONTROL: until the reset, or the job, is over.
    task automatic settle;
        polls = 0;
        do begin
            read(STATUS, status);
            polls++;
        end while ((status[BUSY] || status[RESETTING]) && polls < 2 * planned + 10000);
        if (value[0] && !status[DONE]) begin
            read(ERROR, value);
            $display("not equal: the job does not end well, STATUS is 0x%0h, ERROR 0x%0h", status, value);
            good = 0;
        end
    endtask

    task automatic compare;
        int i;
        i = 0;
        while (i < memory_words && memory[i] === expected[i]) i++;
        if (i < memory_words)
            $display("not equal: word %0d (0x%0h) is %h, must be %h", i, i, memory[i], expected[i]);
        else if (good) $display("equal");
    endtask

    initial begin
        if ($value$plusargs("stall=%d", seed)) noise = seed;
        if (!$value$plusargs("folder=%s", folder) || !$value$plusargs("memory_words=%d", memory_words)
            || !$value$plusargs("cycles=%d", planned) || !$value$plusargs("base=%h", base))
            $display("not equal: +folder, or what is in its compiled.f, is missing");
        else if (memory_words > DEPTH)
            $display("not equal: DEPTH must be %0d or more", memory_words);
        else begin
            $readmemh({folder, "/memory.hex"}, memory, 0, memory_words - 1);
            $readmemh({folder, "/memory.hex"}, expected, 0, memory_words - 1);
            $readmemh({folder, "/expected.hex"}, expected);  // over what the layer changes
            file = $fopen({folder, "/registers.hex"}, "r");
            reset();
            while (good && $fscanf(file, "%h %h", offset, value) == 2) begin
                write(offset, value);
                if (offset == CONTROL) settle();
            end
            compare();
        end
        $finish(0);
    end
endmodule
