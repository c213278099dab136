// The chip, its DRAM, and a host that loads the scan chain and waits: all that
// would otherwise wake Python every clock.
//
// Files: +scan=PREFIX, from which job J's configuration is PREFIXJ.scan, one
// bit a line, the first bit shifted in first; +dram=FILE and +dump=FILE, the
// DRAM's words in hexadecimal before and after.
//
// load, go, count and dump act on their rising edges, so a test may hold them.
module harness #(
    parameter DRAM_DEPTH = 1 << 20,
    parameter DRAM_LATENCY = 8,
    parameter SCAN_BITS_MAX = 1 << 14
) (
    input  logic        clk,
    input  logic        rst,
    input  logic        link_clk,
    input  logic        link_rst,

    input  logic        load,
    input  logic [31:0] job,
    input  logic [31:0] scan_length,
    output logic        loaded,
    output logic [63:0] configuration_cycles,   // core cycles from reset to loaded

    input  logic        go,
    output logic        done,           // sticky until the next load
    output logic        busy,
    output logic        fault,
    output logic        chip_fault,
    output logic        dram_fault,
    output logic        bus_fault,      // a rule of the bus was broken: this one has none to break
    output logic [63:0] cycles,         // core cycles from go to done

    input  logic [5:0]  counter_select,
    input  logic        count,
    output logic        counted,
    output logic [63:0] counter_value,

    input  logic        dump,
    input  logic [31:0] dump_first,
    input  logic [31:0] dump_last,
    output logic        dumped,

    input  logic [28:0] dram_words,
    input  logic [31:0] stall_seed,
    output logic [63:0] dram_words_read,
    output logic [63:0] dram_words_written
);
    logic scan_bits [0:SCAN_BITS_MAX-1];
    logic [31:0] scan_index;
    logic scan_enable, scan_in, scan_out, start, chip_done, running;
    logic load_before, go_before, dump_before;
    logic [2:0] count_before;
    string prefix, path;

    logic rst_before = 0;
    always @(posedge clk) begin
        rst_before <= rst;
        if (rst && !rst_before) configuration_cycles <= 1;
        else if (!loaded) configuration_cycles <= configuration_cycles + 1;
    end

    always @(posedge clk) begin
        load_before <= load;
        go_before <= go;
        dump_before <= dump;
        // the select takes a cycle to the chip, the value one more
        count_before <= {count_before[1:0], count};
        counted <= &count_before && count;
        start <= 0;

        if (rst) begin
            load_before <= 0;
            go_before <= 0;
            dump_before <= 0;
            scan_enable <= 0;
            scan_in <= 0;
            scan_index <= 0;
            loaded <= 0;
            done <= 0;
            running <= 0;
            cycles <= 0;
            dumped <= 0;
            count_before <= 0;
            counted <= 0;
        end else begin
            if (load && !load_before) begin
                if (!$value$plusargs("scan=%s", prefix)) $display("harness: no +scan=PREFIX");
                $sformat(path, "%s%0d.scan", prefix, job);
                $readmemb(path, scan_bits, 0, scan_length - 1);
                scan_enable <= 1;
                scan_in <= scan_bits[0];
                scan_index <= 1;
                loaded <= 0;
                done <= 0;
            end else if (scan_enable) begin
                scan_in <= scan_bits[scan_index];
                scan_index <= scan_index + 1;
                if (scan_index == scan_length) begin
                    scan_enable <= 0;
                    scan_in <= 0;
                    loaded <= 1;
                end
            end

            if (go && !go_before) begin
                start <= 1;
                running <= 1;
                cycles <= 0;
            end else if (running) begin
                cycles <= cycles + 1;
                if (chip_done && !start) begin
                    running <= 0;
                    done <= 1;
                end
            end

            dumped <= dump_before;
            if (dump && !dump_before) begin
                if (!$value$plusargs("dump=%s", path)) $display("harness: no +dump=FILE");
                $writememh(path, u_dram.mem, dump_first, dump_last);
            end
        end
    end

    logic        cmd_valid, cmd_ready, cmd_write;
    logic [27:0] cmd_address;
    logic [7:0]  cmd_length;
    logic        wdata_valid, wdata_ready, rdata_valid, rdata_ready;
    logic [63:0] wdata, rdata;

    assign fault = chip_fault | dram_fault;
    assign bus_fault = 0;

    // What the test drives reaches the chip through registers: Verilator evaluates all logic that a top-level
    // input feeds once more at every edge, and a reset feeds everything. It halves the time of a cycle.
    logic       chip_rst, chip_link_rst;
    logic [5:0] chip_select;
    always @(posedge clk) begin
        chip_rst <= rst;
        chip_select <= counter_select;
    end
    always @(posedge link_clk) chip_link_rst <= link_rst;

    eyeriss u_chip (
        .clk(clk), .rst(chip_rst), .link_clk(link_clk), .link_rst(chip_link_rst),
        .scan_enable(scan_enable), .scan_in(scan_in), .scan_out(scan_out),
        .start(start), .busy(busy), .done(chip_done), .fault(chip_fault),
        .counter_select(chip_select), .counter_value(counter_value),
        .dram_cmd_valid(cmd_valid), .dram_cmd_ready(cmd_ready), .dram_cmd_write(cmd_write),
        .dram_cmd_address(cmd_address), .dram_cmd_length(cmd_length),
        .dram_wdata_valid(wdata_valid), .dram_wdata_ready(wdata_ready), .dram_wdata(wdata),
        .dram_rdata_valid(rdata_valid), .dram_rdata_ready(rdata_ready), .dram_rdata(rdata)
    );

    dram #(.DEPTH(DRAM_DEPTH), .LATENCY(DRAM_LATENCY)) u_dram (
        .clk(link_clk), .rst(chip_link_rst),
        .cmd_valid(cmd_valid), .cmd_ready(cmd_ready), .cmd_write(cmd_write),
        .cmd_address(cmd_address), .cmd_length(cmd_length),
        .wdata_valid(wdata_valid), .wdata_ready(wdata_ready), .wdata(wdata),
        .rdata_valid(rdata_valid), .rdata_ready(rdata_ready), .rdata(rdata),
        .words(dram_words), .stall_seed(stall_seed), .fault(dram_fault),
        .words_read(dram_words_read), .words_written(dram_words_written)
    );

`ifdef TIMELINE
    timeline u_timeline (
        .clk(clk), .rst(rst), .over(dump), .configuring(scan_enable), .clear(u_chip.counters.clear),
        .mac(u_chip.counters.mac_cycles), .ramp(u_chip.counters.ramp_cycles),
        .wait_ifmap(u_chip.counters.wait_ifmap_cycles), .wait_filter(u_chip.counters.wait_filter_cycles),
        .wait_ofmap(u_chip.counters.wait_ofmap_cycles), .pass(u_chip.counters.passes),
        .link_clk(link_clk), .link_rst(chip_link_rst), .command(cmd_valid && cmd_ready), .write(cmd_write),
        .address(cmd_address), .length(cmd_length),
        .word(rdata_valid && rdata_ready || wdata_valid && wdata_ready)
    );
`endif
endmodule
