// A layer of `eyeriss compile` on the chip of `eyeriss generate`: load, run, compare. Copy it and make it yours.
//
// +folder=DIR, and the arguments in DIR/compiled.f; +stall=SEED has the memory stall at random.
`timescale 1ns / 1ps

module bench #(
    parameter DEPTH = 1 << 21  // 64-bit words of memory
);
    logic clk = 0, link_clk = 0, rst = 1, link_rst = 1;
    always #2.5 clk = !clk;
    always #8.333 link_clk = !link_clk;

    // The chip
    logic        scan_enable = 0, scan_in = 0, start = 0, done, fault;
    logic        cmd_valid, cmd_ready, cmd_write, wdata_valid, wdata_ready, rdata_valid, rdata_ready;
    logic [27:0] cmd_address;
    logic [7:0]  cmd_length;
    logic [63:0] wdata, rdata;

    eyeriss chip (
        .clk(clk), .rst(rst), .link_clk(link_clk), .link_rst(link_rst),
        .scan_enable(scan_enable), .scan_in(scan_in), .scan_out(),
        .start(start), .busy(), .done(done), .fault(fault), .counter_select(6'd0), .counter_value(),
        .dram_cmd_valid(cmd_valid), .dram_cmd_ready(cmd_ready), .dram_cmd_write(cmd_write),
        .dram_cmd_address(cmd_address), .dram_cmd_length(cmd_length),
        .dram_wdata_valid(wdata_valid), .dram_wdata_ready(wdata_ready), .dram_wdata(wdata),
        .dram_rdata_valid(rdata_valid), .dram_rdata_ready(rdata_ready), .dram_rdata(rdata));

    // The memory: one command at a time, a word a link clock.
    logic [63:0] memory [0:DEPTH-1], expected [0:DEPTH-1];
    logic [27:0] address;
    logic [8:0]  left;     // words of the command that are still to come
    logic        writing, outside, stall;
    logic [31:0] noise = 0;
    integer      memory_words;

    assign cmd_ready = left == 0 && !stall;
    assign wdata_ready = left != 0 && writing && !stall;
    assign rdata_valid = left != 0 && !writing && !stall;
    assign rdata = memory[address];

    always @(posedge link_clk) begin
        noise <= {noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
        stall <= noise[2:0] == 1 && !(rdata_valid && !rdata_ready);  // a word that was offered stays
        if (link_rst) {left, stall, outside} <= 0;
        else if (cmd_valid && cmd_ready) begin
            address <= cmd_address;
            left <= cmd_length + 9'd1;
            writing <= cmd_write;
            if ({4'd0, cmd_address} + {24'd0, cmd_length} >= memory_words) outside <= 1;
        end else if ((wdata_valid && wdata_ready) || (rdata_valid && rdata_ready)) begin
            if (writing && !outside) memory[address] <= wdata;
            address <= address + 1;
            left <= left - 1;
        end
    end

    // The host
    string  folder;
    integer scan_file, scan_words, jobs, planned, cycles, found, seed;
    logic [31:0] word;
    logic        good = 1;

    // What the host drives changes on falling edges, so that it is steady where the chip looks at it.
    task automatic reset;
        @(negedge clk) rst = 1;
        @(negedge link_clk) link_rst = 1;
        repeat (5) @(negedge clk);
        repeat (5) @(negedge link_clk);
        link_rst = 0;
        @(negedge clk) rst = 0;
        repeat (5) @(negedge link_clk);
        repeat (5) @(negedge clk);
    endtask

    task automatic configure;
        for (int i = 0; i < scan_words; i++) begin
            found = $fscanf(scan_file, "%h", word);
            for (int b = 0; b < 32; b++) begin
                scan_enable = 1;
                scan_in = word[b];
                @(negedge clk);
            end
        end
        scan_enable = 0;
    endtask

    task automatic run(input int job);
        start = 1;
        @(negedge clk) start = 0;
        cycles = 1;
        while (done !== 1 && fault !== 1 && !outside && cycles < 20 * planned + 100000) begin
            @(negedge clk) cycles = cycles + 1;
        end
        $display("job %0d of %0d: %0d cycles", job + 1, jobs, cycles);
        good = done === 1 && fault === 0 && !outside;
        if (outside) $display("not equal: an address beyond the memory");
        else if (fault !== 0) $display("not equal: fault");
        else if (!good) $display("not equal: no end");
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
            || !$value$plusargs("scan_words=%d", scan_words) || !$value$plusargs("jobs=%d", jobs)
            || !$value$plusargs("cycles=%d", planned))
            $display("not equal: +folder, or what is in its compiled.f, is missing");
        else if (memory_words > DEPTH)
            $display("not equal: DEPTH must be %0d or more", memory_words);
        else begin
            $readmemh({folder, "/memory.hex"}, memory, 0, memory_words - 1);
            $readmemh({folder, "/memory.hex"}, expected, 0, memory_words - 1);
            $readmemh({folder, "/expected.hex"}, expected);  // over what the layer changes
            scan_file = $fopen({folder, "/scan.hex"}, "r");
            for (int job = 0; job < jobs && good; job++) begin
                reset();
                configure();
                run(job);
            end
            compare();
        end
        $finish(0);
    end
endmodule
