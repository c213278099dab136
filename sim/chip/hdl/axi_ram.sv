// Memory behind AXI4: 64 bit, INCR bursts of one ID, reads and writes at the same time, random stalls.
//
// Word 0 of the memory is at byte BASE. An address outside is answered by SLVERR; a word outside reads as
// DEAD... and is not written. Contents: +dram=FILE is read by $readmemh at time 0.
module axi_ram #(
    parameter DEPTH = 1 << 20,
    parameter LATENCY = 8,
    parameter [63:0] BASE = 0
) (
    input  logic        clk,
    input  logic        rst,

    input  logic        awvalid,
    output logic        awready,
    input  logic [63:0] awaddr,
    input  logic [7:0]  awlen,
    input  logic        wvalid,
    output logic        wready,
    input  logic [63:0] wdata,
    input  logic [7:0]  wstrb,
    input  logic        wlast,
    output logic        bvalid,
    input  logic        bready,
    output logic [1:0]  bresp,
    input  logic        arvalid,
    output logic        arready,
    input  logic [63:0] araddr,
    input  logic [7:0]  arlen,
    output logic        rvalid,
    input  logic        rready,
    output logic [63:0] rdata,
    output logic [1:0]  rresp,
    output logic        rlast,

    input  logic [28:0] words,         // that exist, at most DEPTH
    input  logic [31:0] stall_seed,    // not 0: each channel stalls by itself in a third of the clocks
    output logic        fault,         // sticky: an address out of range
    output logic [63:0] words_read,
    output logic [63:0] words_written
);
    localparam QUEUE = 4;
    localparam WIDTH = $clog2(DEPTH);

    logic [63:0] mem [0:DEPTH-1];
    string path;
    initial if ($value$plusargs("dram=%s", path)) $readmemh(path, mem);

    logic [31:0] now, noise;
    logic stall_aw, stall_w, stall_b, stall_ar, stall_r;
    always @(posedge clk) begin
        now <= rst ? 0 : now + 1;
        noise <= rst ? stall_seed : step(noise);
        stall_aw <= noise[3:2] == 0 && noise != 0;
        stall_w <= noise[6:5] == 0 && noise != 0;
        stall_b <= noise[10:8] > 2;
        stall_ar <= noise[13:12] == 0 && noise != 0;
        stall_r <= noise[17:16] == 0 && noise != 0;
    end

    // Reads
    logic [63:0] r_address [0:QUEUE-1];
    logic [7:0]  r_length  [0:QUEUE-1];
    logic [31:0] r_ready   [0:QUEUE-1];
    logic [1:0]  r_head, r_tail;
    logic [2:0]  r_level;
    logic [7:0]  r_word;
    wire [63:0] r_index = ((r_address[r_head] - BASE) >> 3) + {56'b0, r_word};
    wire        r_inside = r_address[r_head] >= BASE && r_index < {35'b0, words} && r_index < DEPTH;
    wire [31:0] r_early = now - r_ready[r_head];
    wire        r_offer = r_level != 0 && !r_early[31] && !stall_r;
    wire        r_load = r_offer && (!rvalid || rready);
    wire        r_end = r_load && r_word == r_length[r_head];
    assign arready = r_level != QUEUE && !stall_ar;

    always @(posedge clk) begin
        if (rst) begin
            {r_head, r_tail, r_level, r_word, rvalid, rlast} <= 0;
            words_read <= 0;
        end else begin
            if (arvalid && arready) begin
                r_address[r_tail] <= araddr;
                r_length[r_tail] <= arlen;
                r_ready[r_tail] <= now + LATENCY;
                r_tail <= r_tail + 1;
            end
            r_level <= r_level + {2'b0, arvalid && arready} - {2'b0, r_end};
            if (!rvalid || rready) rvalid <= r_load;
            if (r_load) begin
                rdata <= r_inside ? mem[r_index[WIDTH-1:0]] : 64'hDEAD_DEAD_DEAD_DEAD;
                rresp <= r_inside ? 0 : 2;
                rlast <= r_end;
                r_word <= r_end ? 0 : r_word + 1;
                if (r_end) r_head <= r_head + 1;
                words_read <= words_read + 1;
            end
        end
    end

    // Writes
    logic [63:0] w_address [0:QUEUE-1];
    logic [1:0]  w_head, w_tail;
    logic [2:0]  w_level, answers;
    logic        answer_bad [0:QUEUE-1];
    logic [1:0]  b_head, b_tail;
    logic [7:0]  w_word;
    logic        w_bad;
    wire [63:0] w_index = ((w_address[w_head] - BASE) >> 3) + {56'b0, w_word};
    wire        w_inside = w_address[w_head] >= BASE && w_index < {35'b0, words} && w_index < DEPTH;
    wire        w_take = wvalid && wready;
    wire        b_load = answers != 0 && !stall_b && (!bvalid || bready);
    assign awready = w_level != QUEUE && !stall_aw;
    assign wready = w_level != 0 && answers != QUEUE && !stall_w;

    always @(posedge clk) begin
        if (rst) begin
            {w_head, w_tail, w_level, w_word, w_bad, answers, b_head, b_tail, bvalid, fault} <= 0;
            words_written <= 0;
        end else begin
            if (awvalid && awready) begin
                w_address[w_tail] <= awaddr;
                w_tail <= w_tail + 1;
            end
            w_level <= w_level + {2'b0, awvalid && awready} - {2'b0, w_take && wlast};
            answers <= answers + {2'b0, w_take && wlast} - {2'b0, b_load};
            if (w_take) begin
                if (w_inside && wstrb != 0) mem[w_index[WIDTH-1:0]] <= wdata;
                w_word <= wlast ? 0 : w_word + 1;
                w_bad <= !wlast && (w_bad || !w_inside);
                if (wlast) begin
                    answer_bad[b_tail] <= w_bad || !w_inside;
                    b_tail <= b_tail + 1;
                    w_head <= w_head + 1;
                end
                words_written <= words_written + 1;
            end
            if (!bvalid || bready) bvalid <= b_load;
            if (b_load) begin
                bresp <= answer_bad[b_head] ? 2 : 0;
                b_head <= b_head + 1;
            end
            if ((r_load && !r_inside) || (w_take && !w_inside)) fault <= 1;
        end
    end

    // Marsaglia's xorshift; 0 stays 0, and 0 never stalls.
    function automatic [31:0] step(input [31:0] value);
        reg [31:0] a, b;
        begin
            a = value ^ (value << 13);
            b = a ^ (a >> 17);
            step = b ^ (b << 5);
        end
    endfunction
endmodule
