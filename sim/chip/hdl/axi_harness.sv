// `harness.sv` for the top with AXI: the same ports, but all goes through registers and the AXI memory.
//
// A host of a few states in hardware does what a driver does: CONFIG, BASE, START, wait for the interrupt, read
// ERROR; and reads counters. Its handshakes stall at random too. The memory starts at a byte address that is no
// multiple of 4 KB, and beyond 4 GB.
module axi_harness #(
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
    output logic [63:0] configuration_cycles,   // core cycles from reset to loaded; words may still wait in the chip

    input  logic        go,
    output logic        done,           // sticky until the next load
    output logic        busy,
    output logic        fault,
    output logic        chip_fault,
    output logic        dram_fault,
    output logic        bus_fault,      // a rule of AXI was broken
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
    localparam [63:0] BASE = 64'h1_2345_6FB8;
    // as the register map has them
    localparam [11:0] CONTROL = 'h20, STATUS = 'h24, ERROR = 'h28, ENABLE = 'h2C, CONFIG = 'h34, BASE_LOW = 'h38,
                      BASE_HIGH = 'h3C, SELECT = 'h40, LOW = 'h44, HIGH = 'h48;

    logic chip_rst, chip_link_rst;
    always @(posedge clk) chip_rst <= rst;
    always @(posedge link_clk) chip_link_rst <= link_rst;

    // What the test drives, on the link clock: levels, so that registers are enough in a simulation.
    logic load_now, load_before, go_now, go_before, count_now, count_before, dump_now, dump_before;
    logic [5:0] select_now;
    always @(posedge link_clk) begin
        {load_now, go_now, count_now, dump_now} <= {load, go, count, dump};
        {load_before, go_before, count_before, dump_before} <= {load_now, go_now, count_now, dump_now};
        select_now <= counter_select;
    end

    // One access at a time.
    logic        ask, writes, answered, axi_error;
    logic [11:0] address;
    logic [31:0] value, answer;
    logic        awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
    logic [1:0]  bresp, rresp;
    logic [31:0] rdata, noise;
    logic        aw_due, w_due, ar_due, waiting;

    always @(posedge link_clk) begin
        noise <= chip_link_rst ? stall_seed + 77 : step(noise);
        answered <= 0;
        if (chip_link_rst) begin
            {awvalid, wvalid, arvalid, bready, rready, aw_due, w_due, ar_due, waiting, axi_error} <= 0;
        end else begin
            if (ask) begin
                {aw_due, w_due, ar_due, waiting} <= {writes, writes, !writes, 1'b1};
            end
            if (awready) awvalid <= 0;
            if (wready) wvalid <= 0;
            if (arready) arvalid <= 0;
            if (aw_due && noise[3:2] != 0) {awvalid, aw_due} <= 2'b10;
            if (w_due && noise[6:5] != 0) {wvalid, w_due} <= 2'b10;
            if (ar_due && noise[9:8] != 0) {arvalid, ar_due} <= 2'b10;
            bready <= noise[12] && !(bvalid && bready);
            rready <= noise[15] && !(rvalid && rready);
            if (waiting && ((bvalid && bready) || (rvalid && rready))) begin
                waiting <= 0;
                answered <= 1;
                answer <= rdata;
                if ((bvalid && bready && bresp != 0) || (rvalid && rready && rresp != 0)) axi_error <= 1;
            end
        end
    end

    // The host
    localparam [3:0] IDLE = 0, SHIFT = 1, SET_LOW = 2, SET_HIGH = 3, SET_ENABLE = 4, START = 5, RUN = 6, WHY = 7,
                     ASK = 8, POLL = 9, READ_LOW = 10, READ_HIGH = 11, CLEAR = 12;
    logic [3:0]  state, back;
    logic [31:0] word, words;
    logic        irq, count_due;
    logic        scan_bits [0:SCAN_BITS_MAX-1];
    string prefix, path;

    // The bits that make up whole words go in front, and fall out at the end of the chain.
    function automatic [31:0] scan_word(input [31:0] number);
        integer bit_, at;
        begin
            for (bit_ = 0; bit_ < 32; bit_ = bit_ + 1) begin
                at = 32 * number + bit_ - (32 * words - scan_length);
                scan_word[bit_] = at < 0 ? 1'b0 : scan_bits[at];
            end
        end
    endfunction

    task automatic access(input writes_, input [11:0] address_, input [31:0] value_, input [3:0] next);
        begin
            ask <= 1;
            writes <= writes_;
            address <= address_;
            value <= value_;
            state <= next;
        end
    endtask

    always @(posedge link_clk) begin
        ask <= 0;
        dumped <= dump_before;
        if (chip_link_rst) begin
            {loaded, done, dumped, counted, chip_fault, dram_fault, count_due} <= 0;
            state <= IDLE;
            back <= IDLE;
        end else begin
            if (count_now && !count_before) {count_due, counted} <= 2'b10;
            if (load_now && !load_before) begin
                if (!$value$plusargs("scan=%s", prefix)) $display("harness: no +scan=PREFIX");
                $sformat(path, "%s%0d.scan", prefix, job);
                $readmemb(path, scan_bits, 0, scan_length - 1);
                words <= (scan_length + 31) / 32;
                word <= 0;
                {loaded, done} <= 0;
                state <= SHIFT;
                back <= SHIFT;
            end else if (go_now && !go_before) access(1, BASE_LOW, BASE[31:0], SET_LOW);
            else case (state)
                IDLE, RUN: begin
                    if (state == RUN && irq) access(0, ERROR, 0, WHY);
                    else if (count_due) begin
                        count_due <= 0;
                        back <= state;
                        access(1, SELECT, {26'b0, select_now}, ASK);
                    end
                end
                SHIFT: if (!ask && !waiting) begin
                    if (word == words) {state, loaded} <= {IDLE, 1'b1};
                    else access(1, CONFIG, scan_word(word), SHIFT);
                    word <= word + 1;
                end
                SET_LOW: if (answered) access(1, BASE_HIGH, BASE[63:32], SET_HIGH);
                SET_HIGH: if (answered) access(1, ENABLE, 3, SET_ENABLE);
                SET_ENABLE: if (answered) access(1, CONTROL, 1, START);
                START: if (answered) state <= RUN;
                WHY: if (answered) begin
                    dram_fault <= answer[0] || answer[1];
                    chip_fault <= answer[5:2] != 0;
                    done <= 1;
                    access(1, ENABLE, 0, CLEAR);
                end
                CLEAR: if (answered) state <= IDLE;
                ASK: if (answered) access(0, STATUS, 0, POLL);
                POLL: if (answered) begin
                    if (answer[4]) access(0, STATUS, 0, POLL);
                    else access(0, LOW, 0, READ_LOW);
                end
                READ_LOW: if (answered) begin
                    counter_value[31:0] <= answer;
                    access(0, HIGH, 0, READ_HIGH);
                end
                READ_HIGH: if (answered) begin
                    counter_value[63:32] <= answer;
                    counted <= 1;
                    state <= back;
                end
                default: state <= IDLE;
            endcase
            if (dump_now && !dump_before) begin
                if (!$value$plusargs("dump=%s", path)) $display("harness: no +dump=FILE");
                $writememh(path, u_ram.mem, dump_first, dump_last);
            end
        end
    end

    logic rst_before = 0;
    always @(posedge clk) begin
        rst_before <= rst;
        if (rst && !rst_before) configuration_cycles <= 1;
        else if (!loaded) configuration_cycles <= configuration_cycles + 1;
        if (rst || !go) cycles <= 0;
        else if (!done) cycles <= cycles + 1;
    end

    assign busy = state == RUN;
    assign fault = chip_fault | dram_fault | bus_fault | axi_error;

    logic [63:0] m_awaddr, m_wdata, m_araddr, m_rdata;
    logic [7:0]  m_awlen, m_wstrb, m_arlen;
    logic [2:0]  m_awsize, m_arsize;
    logic [1:0]  m_awburst, m_bresp, m_arburst, m_rresp;
    logic        m_awvalid, m_awready, m_wvalid, m_wready, m_wlast, m_bvalid, m_bready;
    logic        m_arvalid, m_arready, m_rvalid, m_rready, m_rlast;

    eyeriss_axi u_chip (
        .clk(clk), .rst(chip_rst), .link_clk(link_clk), .link_rst(chip_link_rst), .irq(irq),
        .s_axi_awvalid(awvalid), .s_axi_awready(awready), .s_axi_awaddr(address),
        .s_axi_wvalid(wvalid), .s_axi_wready(wready), .s_axi_wdata(value), .s_axi_wstrb(4'hF),
        .s_axi_bvalid(bvalid), .s_axi_bready(bready), .s_axi_bresp(bresp),
        .s_axi_arvalid(arvalid), .s_axi_arready(arready), .s_axi_araddr(address),
        .s_axi_rvalid(rvalid), .s_axi_rready(rready), .s_axi_rdata(rdata), .s_axi_rresp(rresp),
        .m_axi_awvalid(m_awvalid), .m_axi_awready(m_awready), .m_axi_awaddr(m_awaddr), .m_axi_awlen(m_awlen),
        .m_axi_awsize(m_awsize), .m_axi_awburst(m_awburst), .m_axi_awid(), .m_axi_awlock(), .m_axi_awcache(),
        .m_axi_awprot(), .m_axi_awqos(),
        .m_axi_wvalid(m_wvalid), .m_axi_wready(m_wready), .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb),
        .m_axi_wlast(m_wlast), .m_axi_bid(1'b0), .m_axi_rid(1'b0), .m_axi_bvalid(m_bvalid), .m_axi_bready(m_bready), .m_axi_bresp(m_bresp),
        .m_axi_arvalid(m_arvalid), .m_axi_arready(m_arready), .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen),
        .m_axi_arsize(m_arsize), .m_axi_arburst(m_arburst), .m_axi_arid(), .m_axi_arlock(), .m_axi_arcache(),
        .m_axi_arprot(), .m_axi_arqos(),
        .m_axi_rvalid(m_rvalid), .m_axi_rready(m_rready), .m_axi_rdata(m_rdata), .m_axi_rresp(m_rresp),
        .m_axi_rlast(m_rlast)
    );

    axi_ram #(.DEPTH(DRAM_DEPTH), .LATENCY(DRAM_LATENCY), .BASE(BASE)) u_ram (
        .clk(link_clk), .rst(chip_link_rst),
        .awvalid(m_awvalid), .awready(m_awready), .awaddr(m_awaddr), .awlen(m_awlen),
        .wvalid(m_wvalid), .wready(m_wready), .wdata(m_wdata), .wstrb(m_wstrb), .wlast(m_wlast),
        .bvalid(m_bvalid), .bready(m_bready), .bresp(m_bresp),
        .arvalid(m_arvalid), .arready(m_arready), .araddr(m_araddr), .arlen(m_arlen),
        .rvalid(m_rvalid), .rready(m_rready), .rdata(m_rdata), .rresp(m_rresp), .rlast(m_rlast),
        .words(dram_words), .stall_seed(stall_seed), .fault(),
        .words_read(dram_words_read), .words_written(dram_words_written)
    );

    axi_monitor u_monitor (
        .clk(link_clk), .rst(chip_link_rst),
        .awvalid(m_awvalid), .awready(m_awready), .awaddr(m_awaddr), .awlen(m_awlen), .awsize(m_awsize),
        .awburst(m_awburst), .wvalid(m_wvalid), .wready(m_wready), .wdata(m_wdata), .wstrb(m_wstrb), .wlast(m_wlast),
        .bvalid(m_bvalid), .bready(m_bready), .arvalid(m_arvalid), .arready(m_arready), .araddr(m_araddr),
        .arlen(m_arlen), .arsize(m_arsize), .arburst(m_arburst), .rvalid(m_rvalid), .rready(m_rready), .rlast(m_rlast),
        .violation(bus_fault), .splits(), .most_reads(), .open_reads(), .open_writes()
    );

    function automatic [31:0] step(input [31:0] value_);
        reg [31:0] a, b;
        begin
            a = value_ ^ (value_ << 13);
            b = a ^ (a >> 17);
            step = b ^ (b << 5);
        end
    endfunction
endmodule
